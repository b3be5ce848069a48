# Say what is installed in an image, in sections. A line that begins with @@ begins each.
begin() { printf '@@ %s\n' "$1"; }

if [ -r /etc/os-release ]; then
    begin release
    cat /etc/os-release
fi
if [ -r /var/lib/dpkg/status ]; then
    begin dpkg
    cat /var/lib/dpkg/status
    begin licences
    cd /usr/share/doc && grep -sH '^License:' -- */copyright
fi
find / -xdev -path '*.dist-info/METADATA' -type f 2> /dev/null | sort | while IFS= read -r file; do
    begin python
    sed '/^[[:space:]]*$/q' "$file"
done
exit 0
