# Ends every process of this deployment and no other: asks, waits, insists. Before it stands also: grace, in tenths of a second.
if [ ! -d "$dir" ]; then
  echo stopped
  exit 0
fi
: > "$dir/stop"
asked=
waited=0
while left=$(mine) && [ -n "$left" ]; do
  # Each is asked once.
  for one in $left; do
    case " $asked " in
      *" $one "*) ;;
      *) kill -TERM "$one" 2>/dev/null ;;
    esac
  done
  asked="$asked $left"
  if [ "$waited" -ge "$grace" ]; then
    for one in $left; do kill -KILL "$one" 2>/dev/null; done
  fi
  if [ "$waited" -ge $((grace + 100)) ]; then
    # shellcheck disable=SC2086 # lines become words
    echo stuck $left
    exit 66
  fi
  waited=$((waited + 1))
  sleep 0.1
done
rm -f "$dir/pid"
echo stopped
