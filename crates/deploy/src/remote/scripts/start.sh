# Starts the engine in a session of its own, which outlives the caller. Variables set before it: script,
# setup, leader, key.
mkdir -p "$dir"
if alive; then
  echo "running $pid $started $booted"
  exit 0
fi
for left in $(own_pids); do kill -KILL "$left" 2>/dev/null; done
rm -f "$dir/pid" "$dir/exit" "$dir/stop"
printf '%s' "$script" > "$dir/plan.sh"
printf '%s\nexec sh "%s"\n' "$setup" "$dir/plan.sh" > "$dir/engine.sh"
cat > "$dir/run.sh" <<'RUN'
# Runs the engine, records the pid, truncates a long log and records the exit code.
dir=$1
log=$dir/log
set -- $(sed 's/^.*) //' /proc/$$/stat)
echo "$$ ${20} $(cat /proc/sys/kernel/random/boot_id)" > "$dir/pid.new"
mv "$dir/pid.new" "$dir/pid"
# Signals are for the engine; this shell waits for its exit code.
trap : HUP INT TERM
(
  while sleep 20; do
    if [ $(($(wc -c < "$log"))) -gt 16777216 ]; then
      cp "$log" "$log.1"
      : > "$log"
    fi
  done
) &
keeper=$!
PATH=$HOME/.local/bin:$HOME/bin:$PATH:/usr/local/bin
export PATH
cd "$HOME" || cd /
# Number of processes that Linux killed because memory ran out.
killed() { sed -n 's/^oom_kill //p' /proc/vmstat 2>/dev/null; }
before=$(killed)
sh "$dir/engine.sh" >> "$log" 2>&1 < /dev/null &
engine=$!
while :; do
  wait "$engine"
  code=$?
  kill -0 "$engine" 2>/dev/null || break
done
if [ "$code" -gt 128 ] && [ "$(killed)" != "$before" ]; then
  echo "whaledeck: the system ended a process because the memory ran out (out of memory)" >> "$log"
fi
echo "$code" > "$dir/exit"
kill -KILL "$keeper" 2>/dev/null
RUN
touch "$dir/log"
WHALEDECK_DEPLOYMENT=$id LEADER=$leader API_KEY=$key setsid sh "$dir/run.sh" "$dir" < /dev/null > /dev/null 2>&1 &
tries=0
until [ -s "$dir/pid" ]; do
  tries=$((tries + 1))
  if [ "$tries" -gt 200 ]; then
    echo stuck
    exit 65
  fi
  sleep 0.05
done
echo "started $(cat "$dir/pid")"
