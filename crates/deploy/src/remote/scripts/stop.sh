# Stops every process of this deployment and no other: SIGTERM, then SIGKILL after the grace period. Variable
# set before it: grace, in tenths of a second.
if [ ! -d "$dir" ]; then
  echo stopped
  exit 0
fi
: > "$dir/stop"
signalled=
waited=0
while left=$(own_pids) && [ -n "$left" ]; do
  # One SIGTERM per process.
  for one in $left; do
    case " $signalled " in
      *" $one "*) ;;
      *) kill -TERM "$one" 2>/dev/null ;;
    esac
  done
  signalled="$signalled $left"
  if [ "$waited" -ge "$grace" ]; then
    for one in $left; do kill -KILL "$one" 2>/dev/null; done
  fi
  if [ "$waited" -ge $((grace + 100)) ]; then
    # shellcheck disable=SC2086 # joins the lines
    echo stuck $left
    exit 66
  fi
  waited=$((waited + 1))
  sleep 0.1
done
rm -f "$dir/pid"
echo stopped
