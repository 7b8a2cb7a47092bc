# The last part of the log, and how the engine is. Before it stands also: most, in bytes.
if [ ! -s "$dir/log" ]; then exit 0; fi
tail -c "$most" "$dir/log"
