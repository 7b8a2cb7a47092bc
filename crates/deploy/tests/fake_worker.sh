#!/bin/sh
# A fake worker: $5 is the value of --model-name.
ready() {
  echo '{"event":"listening","address":"http://127.0.0.1:9"}'
  echo 'not json'
  echo '{"event":"loading","done":1,"total":2}'
  echo '{"event":"ready","model":"m","context_length":'"$7"',"threads":3}'
}
case "$5" in
  ready) [ ${#WHALEDECK_KEY} -eq 64 ] && ready "$@"; exec sleep 30 ;;
  failed) echo '{"event":"failed","error":{"code":"model_file_truncated","message":"short","detail":{"bytes":5}}}'; exit 1 ;;
  killed) kill -KILL $$ ;;
  stubborn) trap '' TERM; ready "$@"; while :; do sleep 0.2; done ;;
esac
