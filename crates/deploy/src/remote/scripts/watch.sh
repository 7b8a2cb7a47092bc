# Prints new bytes of the log and the state of the engine each second, until the output is closed. Variable
# set before it: offset, the byte of the log to continue from, or empty for the last part of the log.
if ! cd "$dir" 2>/dev/null; then
  echo "S gone 0"
  exit 0
fi
# A closed output must end this script normally, so a failed echo is handled below.
trap '' PIPE
part=$dir/part.$$
trap 'rm -f "$part"' EXIT
for old in "$dir"/part.*; do
  kill -0 "${old##*.}" 2>/dev/null || rm -f "$old"
done
size=$(($(wc -c < log)))
if [ -z "$offset" ]; then offset=$((size > 131072 ? size - 131072 : 0)); fi
while :; do
  # Determined before the log is read, so that the last log lines are sent before the end of the engine.
  if alive; then
    # Processor time of the session, as a sign of activity of an engine that logs nothing.
    used=$(cat /proc/[0-9]*/stat 2>/dev/null | awk -v s="$pid" '{ sub(/^.*\) /, "") } $4 == s { t += $12 + $13 } END { print t + 0 }')
    state="run $used"
  elif [ -e stop ]; then
    state="stop 0"
  elif [ -s exit ]; then
    state="end $(cat exit)"
  else
    state="gone 0"
  fi
  size=$(($(wc -c < log)))
  # The log was truncated.
  if [ "$size" -lt "$offset" ]; then offset=0; fi
  while [ "$size" -gt "$offset" ]; do
    tail -c "+$((offset + 1))" log | head -c 65536 > "$part"
    got=$(($(wc -c < "$part")))
    if [ "$got" -eq 0 ]; then break; fi
    offset=$((offset + got))
    echo "L $got $offset" || exit 0
    cat "$part" 2>/dev/null || exit 0
  done
  echo "S $state" || exit 0
  sleep 1
done
