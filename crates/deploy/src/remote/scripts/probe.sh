# Prints the system, the installed engines, the GPUs and a free port. Variables set before it: setup, port
# (the first to try).
PATH=$HOME/.local/bin:$HOME/bin:$PATH:/usr/local/bin
eval "$setup"
have() {
  case $1 in
    sglang) command -v python3 > /dev/null && python3 -c 'import importlib.util, sys; sys.exit(importlib.util.find_spec("sglang") is None)' 2> /dev/null ;;
    *) command -v "$1" > /dev/null ;;
  esac
}
# Version of an engine. For Python packages from their metadata, because starting one takes half a minute.
version() {
  name='import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))'
  case $1 in
    sglang) python3 -c "$name" sglang ;;
    vllm)
      # With the interpreter of its script, which may be in another environment.
      python=$(sed -n '1s/^#! *//p' "$(command -v vllm)")
      ${python:-python3} -c "$name" vllm
      ;;
    *) timeout 10 "$1" --version 2>&1 | grep -i version | tail -n 1 ;;
  esac < /dev/null 2> /dev/null
}
echo "system $(uname -sm)"
for one in sglang vllm ollama llama-server; do
  if have "$one"; then echo "engine $one $(version "$one")"; fi
done
if command -v nvidia-smi > /dev/null; then
  nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits 2> /dev/null | sed 's/^/gpu /'
fi
taken=" $(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, at, ":"); print at[n] }' | tr '\n' ' ')"
tries=0
while [ "$tries" -lt 200 ]; do
  case $taken in
    *" $(printf %04X "$port") "*) port=$((port + 1)) ;;
    *) break ;;
  esac
  tries=$((tries + 1))
done
echo "port $port"
