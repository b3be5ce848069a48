# Run a program until it ends, or until nobody listens any more.
#
# The input has a line for each secret variable, and then an empty line. After that it only stays
# open: its end means that wb is gone. The last line on stderr is the mark ($1) and the exit code.
# What the program asks of processors and disks stands behind others by its priority ($2), as far as
# the image and the disks know priorities.
mark=$1
case $2 in
    low) nice=10 disks='-c 2 -n 7' ;;
    idle) nice=19 disks='-c 3' ;;
    *) nice='' ;;
esac
if [ "$nice" ]; then
    renice -n "$nice" -p $$ >/dev/null 2>&1
    ionice $disks -p $$ >/dev/null 2>&1
fi
shift 2
ready=
while IFS= read -r line; do
    if [ -z "$line" ]; then
        ready=1
        break
    fi
    export "${line?}"
done
[ "$ready" ] || exit 1
exec 3<&0 </dev/null
"$@" 3<&- &
task=$!
{ cat <&3; kill "$task"; } >/dev/null 2>&1 &
wait "$task"
printf '\n%s%s\n' "$mark" "$?" >&2
