# Put restored folders in the place of an instance's own, or back:
# exchange.sh in|back|accept|discard|empty [FOLDER]
#
# Every step can be repeated, so an exchange that was cut off is finished or undone by the next one.
# The old folders wait in .before-restore, the restored ones in .restored. Where there was no old
# folder, .before-restore/.absent has its name. While folders are being moved there is a mark,
# .moving, and the instance must not start. On the way back there is another one, .going-back.
# After an upgrade of PostgreSQL, .postgres-images tells which image belongs to which folders.
set -eu
cd "${2:-/instance}"
restored=.restored
before=.before-restore
given_up=.given-up
images=.postgres-images

# Remove a folder under another name: what is half removed is never taken for whole.
give_up() {
    rm -rf -- "$given_up"
    [ ! -e "$1" ] || mv -- "$1" "$given_up"
    rm -rf -- "$given_up"
}

# Put an old folder away, or note that there is none.
put_away() {
    [ ! -e "$before/$1" ] && [ ! -e "$before/.absent/$1" ] || return 0
    if [ -e "$1" ]; then
        mv -- "$1" "$before/$1"
    else
        mkdir -p -- "$before/.absent/$1"
    fi
}

move_in() {
    mkdir -p "$before"
    : >"$before/.moving"
    [ ! -e "$restored/$images" ] || mv -- "$restored/$images" "$before/$images"
    for path in "$restored"/*; do
        [ -e "$path" ] || continue
        name=${path##*/}
        put_away "$name"
        mv -- "$path" "$name"
    done
    # The cache knows versions of the data that come once more now, with other content. After an
    # upgrade the data is the same. Then the cache stays, and is given up on the way back alone.
    if [ -e "$before/$images" ]; then
        mkdir -p -- "$before/.absent/valkey_data"
    elif [ -e "$before/databases" ] || [ -e "$before/.absent/databases" ]; then
        put_away valkey_data
    fi
    rm -rf -- "$restored"
    sync
    rm "$before/.moving"
}

move_back() {
    mkdir -p "$before"
    : >"$before/.moving"
    : >"$before/.going-back"
    for path in "$before"/*; do
        [ -e "$path" ] || continue
        name=${path##*/}
        rm -rf -- "$name"
        mv -- "$path" "$name"
    done
    for path in "$before"/.absent/*; do
        [ -e "$path" ] || continue
        rm -rf -- "${path##*/}"
        rmdir -- "$path"
    done
    give_up "$restored"
    sync
    give_up "$before"
}

case $1 in
    in) move_in ;;
    back) move_back ;;
    accept)
        give_up "$restored"
        give_up "$before"
        ;;
    discard) give_up "$restored" ;;
    # The folder stays: it tells that a restore has begun.
    empty)
        for path in "$restored"/*; do
            give_up "$path"
        done
        ;;
esac
