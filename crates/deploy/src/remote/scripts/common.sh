# Functions of the other scripts, for any POSIX shell on Linux. Variables set before it: id, dir.
umask 077
if [ "$(uname -s)" != Linux ] || [ ! -r /proc/self/stat ]; then
  echo "unsupported $(uname -sm)"
  exit 64
fi
boot=$(cat /proc/sys/kernel/random/boot_id)

# Fields of /proc/PID/stat after the process name, which may contain spaces and brackets.
stat_of() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null; }

# Whether the recorded process still runs: same pid, start time and boot.
alive() {
  [ -s "$dir/pid" ] || return 1
  read -r pid started booted < "$dir/pid" || return 1
  [ "$booted" = "$boot" ] || return 1
  # State, parent, group, session, …; the twentieth field is the start time.
  # shellcheck disable=SC2046 # splits into words
  set -- $(stat_of "$pid")
  [ "${20:-}" = "$started" ] && [ "$1" != Z ]
}

# Pids of this deployment: those of its session, and those with its mark in the environment.
own_pids() {
  session=
  if [ -s "$dir/pid" ]; then
    read -r pid started booted < "$dir/pid"
    # A pid of another boot, or one that was reused, is not the session of this deployment.
    if [ "$booted" = "$boot" ]; then session=$pid; fi
  fi
  {
    grep -lz "^WHALEDECK_DEPLOYMENT=$id\$" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3
    if [ -n "$session" ] && { alive || [ ! -d "/proc/$session" ]; }; then
      cat /proc/[0-9]*/stat 2>/dev/null |
        awk -v s="$session" '{ one = $1; sub(/^.*\) /, ""); if ($4 == s && $1 != "Z") print one }'
    fi
  } | sort -un
}
