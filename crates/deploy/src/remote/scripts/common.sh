# What the other scripts share. Before it stand: id, dir. Any POSIX shell with the tools of a Linux system.
umask 077
if [ "$(uname -s)" != Linux ] || [ ! -r /proc/self/stat ]; then
  echo "unsupported $(uname -sm)"
  exit 64
fi
boot=$(cat /proc/sys/kernel/random/boot_id)

# Fields of a process after its name, which may hold anything.
stat_of() { sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null; }

# Whether the process that was written down is the one that has its number now.
alive() {
  [ -s "$dir/pid" ] || return 1
  read -r pid started booted < "$dir/pid" || return 1
  [ "$booted" = "$boot" ] || return 1
  # State, parent, group, session, …; the twentieth is the start.
  # shellcheck disable=SC2046 # words are what is wanted
  set -- $(stat_of "$pid")
  [ "${20:-}" = "$started" ] && [ "$1" != Z ]
}

# Every process of this deployment: of its session, or with its mark, whatever became of its parents.
mine() {
  session=
  if [ -s "$dir/pid" ]; then
    read -r pid started booted < "$dir/pid"
    # Numbers of another boot, or of a process that came later, are somebody else's.
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
