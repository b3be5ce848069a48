# Start a platform by the command of its image, and ask it for everything: the seconds that it may take
# to become healthy ($1), and the command.
#
# Exit code 3 says that the image is not one that could be asked.
#
# The program that asks takes the place of this shell, so the platform is its child.
within=$1
shift
python=$(command -v python3 || command -v python) || {
    echo "its image has no Python, by which it could be asked" >&2
    exit 3
}
"$@" >/tmp/said 2>&1 &
exec "$python" /ask.py $! "$within"
