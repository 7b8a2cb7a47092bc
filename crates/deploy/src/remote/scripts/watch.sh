# Tells each second what the log gained and how the engine is, until nobody listens. Before it stand also: from, which is
# the byte of the log to go on from, or empty for the last part of it.
if ! cd "$dir" 2>/dev/null; then
  echo "S gone 0"
  exit 0
fi
# Whoever listened may be gone: that is an end, not a death.
trap '' PIPE
part=$dir/part.$$
trap 'rm -f "$part"' EXIT
for old in "$dir"/part.*; do
  kill -0 "${old##*.}" 2>/dev/null || rm -f "$old"
done
size=$(($(wc -c < log)))
if [ -z "$from" ]; then from=$((size > 131072 ? size - 131072 : 0)); fi
while :; do
  # Before the log is read: what an engine says last belongs before its end.
  if alive; then
    # Time of the processor that its session has used: a sign of life of an engine that says nothing.
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
  # It was cut, because it had grown long.
  if [ "$size" -lt "$from" ]; then from=0; fi
  while [ "$size" -gt "$from" ]; do
    tail -c "+$((from + 1))" log | head -c 65536 > "$part"
    got=$(($(wc -c < "$part")))
    if [ "$got" -eq 0 ]; then break; fi
    from=$((from + got))
    echo "L $got $from" || exit 0
    cat "$part" 2>/dev/null || exit 0
  done
  echo "S $state" || exit 0
  sleep 1
done
