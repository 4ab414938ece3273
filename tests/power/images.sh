#!/bin/sh
# Images of a disk in use, each of which is what a power cut would leave: an ext4 in a file on a btrfs, of which a clone is atomic.
# Usage: images.sh prepare FOLDER | take FOLDER | look FOLDER PROGRAM TEST | end FOLDER
# `prepare` mounts the disk at FOLDER/mount, `take` makes an image, `look` starts the program on the store in it.
set -eu
verb=$1 folder=$2
case $verb in
  prepare)
    mkdir -p "$folder/clones" "$folder/mount" "$folder/image"
    truncate -s 4G "$folder/clones.img"
    mkfs.btrfs -q -f "$folder/clones.img" 2>"$folder/made" || { cat "$folder/made" >&2; exit 1; }
    mount -o loop "$folder/clones.img" "$folder/clones"
    truncate -s 1G "$folder/clones/disk.img"
    mkfs.ext4 -q -F "$folder/clones/disk.img"
    mount -o loop "$folder/clones/disk.img" "$folder/mount"
    ;;
  take)
    rm -f "$folder/clones/image.img"
    cp --reflink=always "$folder/clones/disk.img" "$folder/clones/image.img"
    ;;
  look)
    if ! mount -o loop "$folder/clones/image.img" "$folder/image"; then
      echo "broken the file system cannot be mounted"
      exit 0
    fi
    NEXUS_LOG_TEST_CHILD="$folder/image/store" NEXUS_POWER_LOOK_ONLY=1 \
      "$3" --exact "$4" --nocapture --test-threads=1 || echo "broken the program failed"
    umount "$folder/image"
    ;;
  end)
    for mounted in image mount clones; do
      ! mountpoint -q "$folder/$mounted" || umount "$folder/$mounted"
    done
    rm -f "$folder/clones.img"
    ;;
esac
