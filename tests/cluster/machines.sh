#!/usr/bin/env bash
# Three machines on this one, for tests of `ray up`: a laptop, and two hosts that it reaches by ssh. Needs root.
#
#   laptop 10.77.0.1 --ssh--> head 10.77.0.2 --ssh--> worker 10.77.0.3        each: own processes, network, /tmp, /mnt,
#                                                                              home in /mnt/home; shared: /mnt/shared
#
# Why not two addresses of loopback: `ray stop`, with which the launcher begins and ends, ends every Ray that it sees.
# Here it sees those of its own machine. Nothing of the real machine is changed: all of it lies in namespaces, which
# end with the first process in them, and so does every process that was started there.
#
#   unshare --mount --pid --net --uts --ipc --fork --kill-child --mount-proc bash machines.sh FOLDER SEEN...
#   FOLDER: of the test, gets log, home/ and ready;  SEEN: folders below /tmp or /mnt that must stay visible
set -euo pipefail
folder=$1 name=${HOST_NAME:-laptop}
shift

# A folder of this machine's own in the place of one of the real machine, with what must be seen in it.
cover() {
    local own="$folder/$name$1" seen
    mkdir -p "$own"
    for seen in "${@:2}"; do
        [[ $seen == "$1"/* ]] || continue
        mkdir -p "$own/${seen#"$1"/}"
        mount --bind "$seen" "$own/${seen#"$1"/}"
    done
    mount --rbind "$own" "$1"
}

hostname "$name"
ip link set lo up
mkdir -p "$folder/shared"
# ssh and sshd look for homes in passwd, not in the environment. All of /etc, since a file that somebody replaces in the
# real one meanwhile, as installing a package does, would be uncovered here too.
mkdir -p "$folder/$name"
cp -a /etc "$folder/$name/etc"
{ echo "lab:x:0:0:lab:/mnt/home:/bin/bash"; cat /etc/passwd; } > "$folder/$name/etc/passwd"
mount --bind "$folder/$name/etc" /etc
cover /run
cover /var/log
touch /var/log/lastlog
cover /mnt "$@"
mount -t tmpfs -o size=2g tmpfs /dev/shm
mkdir -p /mnt/home/.ssh /mnt/shared /run/sshd
chmod 700 /mnt/home /mnt/home/.ssh
mount --bind "$folder/shared" /mnt/shared
export HOME=/mnt/home

if [[ $name == laptop ]]; then
    ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/cluster_key
    ip link add lan type bridge
    ip addr add 10.77.0.1/24 dev lan
    ip link set lan up
    number=1
    for host in head worker; do
        number=$((number + 1))
        mkdir -p "$folder/$host/mnt/home/.ssh"
        cp ~/.ssh/cluster_key.pub "$folder/$host/mnt/home/.ssh/authorized_keys"
        HOST_NAME=$host unshare --mount --pid --net --uts --ipc --fork --kill-child --mount-proc \
            bash "$0" "$folder" "$@" &
        until [[ -e $folder/$host.apart ]]; do sleep 0.1; done
        ip link add "to-$host" type veth peer name eth0 netns $!
        ip link set "to-$host" master lan up
        echo "10.77.0.$number" > "$folder/$host.address"
    done
    until [[ -e $folder/head.listens && -e $folder/worker.listens ]]; do sleep 0.1; done
    mv "$folder/head.listens" "$folder/ready"
    cover /tmp "$folder" "$@"
    touch /tmp/laptop
    wait
fi

touch "$folder/$name.apart"
until [[ -e $folder/$name.address ]] && ip link show eth0 &> /dev/null; do sleep 0.1; done
ip addr add "$(< "$folder/$name.address")/24" dev eth0
ip link set eth0 up
ip route add default via 10.77.0.1  # the address towards elsewhere is what Ray takes for its own
ssh-keygen -q -t ed25519 -N '' -f /run/host_key
# pip has no network here, and says so at once.
cat > /run/sshd_config <<CONFIG
HostKey /run/host_key
PidFile none
AuthenticationMethods publickey
SetEnv PIP_NO_INDEX=1
Subsystem sftp internal-sftp
CONFIG
touch "$folder/$name.listens"
cover /tmp "$folder" "$@"
/usr/sbin/sshd -D -e -f /run/sshd_config &
wait
