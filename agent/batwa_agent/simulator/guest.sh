#!/bin/sh
# First process of the namespaces of the VM in directory $1, named $2. Builds a root of its own in which this
# machine's programs can be read and nothing else of it seen, says "up PID", and ends when nobody is left inside.
set -eu

read_only() {
    mount --bind "$1" "root$1"
    mount -o remount,bind,ro "root$1"
}

system() {
    for path in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /nix /gnu; do
        if [ -L "$path" ]; then
            cp -P "$path" "root$path"
        elif [ -d "$path" ]; then
            mkdir "root$path"
            read_only "$path"
        fi
    done
}

settings() {
    mkdir root/etc
    for path in /etc/alternatives /etc/ssl /etc/terminfo /etc/vim /etc/java /etc/pki /etc/fonts; do
        if [ -d "$path" ]; then mkdir "root$path"; read_only "$path"; fi
    done
    for path in ld.so.cache ld.so.conf nsswitch.conf resolv.conf localtime inputrc protocols services bash.bashrc; do
        if [ -f "/etc/$path" ]; then cp "/etc/$path" "root/etc/$path"; fi
    done
    echo "$name" > root/etc/hostname
    printf '127.0.0.1 localhost %s\n' "$name" > root/etc/hosts
    printf 'root:x:0:0:root:/root:/bin/sh\nubuntu:x:1000:1000:Ubuntu:/home/ubuntu:/bin/bash\n' > root/etc/passwd
    printf 'root:x:0:\nubuntu:x:1000:\n' > root/etc/group
    printf 'PRETTY_NAME="Ubuntu 24.04 LTS"\nNAME="Ubuntu"\nVERSION_ID="24.04"\nID=ubuntu\nVARIANT="multipass-sim"\n' \
        > root/etc/os-release
}

devices() {
    # not all of /dev: as root, this machine's disks would be writable
    mkdir -p root/dev/pts root/dev/shm root/proc root/run root/old
    for path in null zero full random urandom tty ptmx; do
        : > "root/dev/$path"
        mount --bind "/dev/$path" "root/dev/$path"
    done
    mount --bind /dev/pts root/dev/pts
    ln -s /proc/self/fd root/dev/fd
    ln -s /proc/self/fd/0 root/dev/stdin
    ln -s /proc/self/fd/1 root/dev/stdout
    ln -s /proc/self/fd/2 root/dev/stderr
    # read-only, because root of this machine could write its settings through it
    mount -t proc -o ro,nosuid,nodev,noexec proc root/proc
}

homes() {
    mkdir -p root/home/ubuntu root/root root/tmp root/var/tmp root/var/lib/cloud/instance
    chmod 1777 root/tmp root/var/tmp root/dev/shm
    cp user-data root/var/lib/cloud/instance/user-data.txt
    mount --bind home root/home/ubuntu
}

# Ends the VM's namespaces once nothing runs in them and no session holds the lock (file descriptor 9).
rest() {
    while :; do
        sleep 1
        set -- /proc/[0-9]*
        if [ $# -eq 1 ] && flock -n 9; then exit 0; fi
    done
}

main() {
    cd "$1"
    name=$2
    # the old /proc still counts processes as the machine does
    read -r pid _ < /proc/self/stat
    hostname "$name" 2>/dev/null || echo "$name" > /proc/sys/kernel/hostname
    exec 9>>lock
    mount --make-rprivate /
    mount -t tmpfs -o mode=755,size=64m multipass-sim root
    system
    settings
    devices
    homes
    cd root
    pivot_root . old
    umount -n -l /old
    rmdir /old
    cd /
    echo "up $pid"
    exec > /dev/null 2>&1
    rest
}

main "$@"
