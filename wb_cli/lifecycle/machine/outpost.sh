# Look at a machine, and make and lock folders on it, as the lines of the input say.
#
# wb starts this script in a container on the engine's machine. The container's root is the root of
# that machine. A request is one line of quoted words. An answer is a line with the exit code and
# the number of bytes, and then the bytes. The script ends with its input. If it hears nothing for
# some time, the connection has broken and the script ends, too. All locks end with it.
LEASE_S=20
export LC_ALL=C

# Ends the script when no signal comes within the lease. Each line of the input sends a signal. The
# first signal goes the other way, and says that this function hears signals now.
watch() {
    trap heard=1 USR1
    kill -USR1 "$1"
    while :; do
        heard=
        sleep "$LEASE_S" &
        wait $!
        if [ "$heard" ]; then
            kill $! 2>/dev/null
        else
            kill -9 "$1"
            return
        fi
    done
}

# The texts of files. A file that cannot be read is left out.
read_files() {
    cat -- "$@" 2>/dev/null || :
}

# The names in a folder; none if it is not there.
list_folder() {
    ls -1A -- "$1" 2>/dev/null || :
}

# For each path: kind, mode, owner, group, device, inode, and the time of the last change.
look() {
    for path; do
        stat -L -c '%F|%a|%u|%g|%d|%i|%Y' -- "$path" 2>/dev/null || echo -
    done
}

# For each path: where it leads to, with all links resolved.
resolve() {
    for path; do
        readlink -f -- "$path" 2>/dev/null || echo "$path"
    done
}

# For each path: the free space of its disk in KiB.
measure_free() {
    for path; do
        df -P -k -- "$path" | awk 'NR == 2 { print $4 }'
    done
}

# For each path: its device, where it leads to, and of its disk the size of a block, the blocks and
# the free ones, the inodes and the free ones.
measure_disks() {
    for path; do
        [ -e "$path" ] || { echo -; continue; }
        echo "$(stat -L -c %d -- "$path")|$(readlink -f -- "$path")|$(
            stat -f -c '%S|%b|%a|%c|%d' -- "$path"
        )"
    done
}

# Make a folder and those above it.
make_folders_above() {
    mkdir -p -m "$1" -- "$2"
}

# Make a folder with a mode. Exit code 3: something else has its name.
make_folder() {
    [ ! -d "$2" ] || { echo there; return 0; }
    [ ! -e "$2" ] || return 3
    mkdir -- "$2" && chmod "$1" -- "$2" && echo made
}

# Where a symbolic link leads to; nothing if there is none.
read_link() {
    readlink -- "$1" || :
}

# The KiB that a folder takes on its disk. Without beats the script would end, so it may not take
# long. Exit code 124: it took too long.
measure() {
    timeout 10 du -skx -- "$1" | cut -f 1
}

# Remove a folder with its content. No link is followed, and no other disk is entered. Exit code
# 124: not all is gone yet.
remove() {
    timeout 10 rm -rf --one-file-system -- "$1"
}

remove_empty() {
    rmdir -- "$1"
}

# Ask an HTTP server on this machine. The answer has its headers. Exit code 5: nothing here can ask.
ask_http() {
    if command -v curl >/dev/null; then
        curl -s -i -m 2 "http://$1:$2$3"
    elif command -v bash >/dev/null; then
        timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1
            printf "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" "$3" "$1" >&3
            cat <&3' - "$@" 2>/dev/null
    else
        return 5
    fi
}

# Lock a file or folder that is open as 9. The lock belongs to a process, whose number is answered.
hold() {
    flock -n 9
    code=$?
    if [ "$code" = 0 ]; then
        sleep 2147483647 >/dev/null 2>&1 &
        text=$!
    fi
    exec 9>&-
}

# Lock a file, and make it if it is missing. Exit code 1: another process holds it.
take_file() {
    mkdir -p -- "${1%/*}" 2>/dev/null && [ ! -L "$1" ] || { code=4; return; }
    { exec 9>>"$1"; } 2>/dev/null || { code=4; return; }
    hold
}

# For each lock file: its text if a process holds its lock, and else an empty line. The lock is shared
# for the moment of the test.
name_holders() {
    for path; do
        [ ! -f "$path" ] || (flock -n -s 9 || cat <&9) 9<"$path"
        echo
    done
}

take_folder() {
    [ -d "$1" ] || { code=4; return; }
    { exec 9<"$1"; } 2>/dev/null || { code=4; return; }
    hold
}

write_file() {
    printf '%s' "$2" >"$1"
}

# Add a line to a file, and keep its last lines if it has become long.
add_line() {
    mkdir -p -- "${1%/*}" && [ ! -L "$1" ] || return 4
    (
        flock -w 1 9 || exit 1
        printf '%s\n' "$2" >&9
        if [ "$(wc -l <"$1")" -gt 300 ]; then
            tail -n 200 "$1" >"$1.new" && cat "$1.new" >"$1"
            rm -f "$1.new"
        fi
    ) 9>>"$1"
}

ready=
trap ready=1 USR1
(exec >/dev/null 2>&1; watch $$) &
watcher=$!
until [ "$ready" ]; do sleep 0.02; done
while IFS= read -r line; do
    kill -USR1 "$watcher" 2>/dev/null
    [ "$line" ] || continue
    eval "set -- $line"
    verb=$1
    shift
    text=
    case $verb in
        take_file | take_folder) "$verb" "$@" ;;
        # When this has been answered, the lock is free.
        release) kill "$1" 2>/dev/null; wait "$1" 2>/dev/null; code=0 ;;
        *) text=$("$verb" "$@" 2>&1); code=$? ;;
    esac
    printf '%s %s\n%s' "$code" "${#text}" "$text"
done
kill -9 "$watcher" 2>/dev/null
