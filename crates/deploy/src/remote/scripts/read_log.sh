# Prints the end of the log. Variable set before it: max_bytes.
if [ ! -s "$dir/log" ]; then exit 0; fi
tail -c "$max_bytes" "$dir/log"
