#!/bin/busybox sh
# The first process of the test's Linux guest: an ext4 file system under load, and the agent.
#
# Each file is written, fsynced, and only then told on the serial line: `saved NAME SHA256`.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
# What happens in between is told on the same line; the kernel need not.
dmesg -n 1
while read -r module; do insmod "/modules/$module" 2>/dev/null; done </modules/order

say() { echo "$*" >/dev/ttyS0; }

mount -t ext4 /dev/vda /mnt || say "no file system: $(cat /proc/modules | wc -l) modules, $(ls /dev | tr '\n' ' ')"
for port in /sys/class/virtio-ports/*; do
    if [ "$(cat "$port/name")" = org.qemu.guest_agent.0 ]; then
        qemu-ga -d -m virtio-serial -p "/dev/${port##*/}" -t /run -f /run/ga.pid -l /run/ga.log ||
            say "no agent: $(cat /run/ga.log)"
    fi
done

# Load that nobody waits for: what is not yet on the disk when a backup begins.
(
    while :; do
        dd if=/dev/urandom of=/mnt/load.new bs=64k count=16 2>/dev/null
        mv /mnt/load.new "/mnt/load"
        mkdir -p /mnt/tree/a/b /mnt/tree/c
        rm -r /mnt/tree
        sleep 0.05
    done
) &

number=0
say ready
while :; do
    number=$((number + 1))
    directory=/mnt/kept/$((number % 7))
    mkdir -p "$directory"
    file=$directory/$number
    dd if=/dev/urandom of="$file.new" bs=4096 count=$((1 + number % 9)) conv=fsync 2>/dev/null
    mv "$file.new" "$file"
    # A rename is durable when its directory is.
    sync "$directory" /mnt/kept /mnt
    say "saved ${file#/mnt/} $(sha256sum <"$file" | cut -d ' ' -f 1)"
    sleep 0.1
done
