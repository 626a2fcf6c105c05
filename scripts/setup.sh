#!/bin/sh
# Installs what this machine lacks for demo, test, lab, captures, generate or lint, and says so; quiet when there is nothing to do.
# All of it goes to standard error: standard output belongs to whoever called.
set -eu
exec >&2

usage() {
	echo "usage: $0 demo|test|lab|captures|generate|lint"
	exit 2
}

[ $# -eq 1 ] || usage

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin

if ! command -v go >/dev/null; then
	echo "setup: go is missing: install Go from https://go.dev/dl, and add its bin folder to PATH"
	exit 1
fi

missing=

# need PROGRAM PACKAGE
need() {
	command -v "$1" >/dev/null || missing="$missing $2"
}

# need_file FILE PACKAGE
need_file() {
	[ -e "$1" ] || missing="$missing $2"
}

plugins=/usr/lib/$(uname -m)-linux-gnu/gstreamer-1.0

need_file /etc/ssl/certs/ca-certificates.crt ca-certificates
case $1 in
demo)
	need nft nftables
	;;
test | lab)
	need nft nftables
	need tc iproute2
	need sysctl procps
	need qemu-system-x86_64 qemu-system-x86
	need_file /usr/share/doc/busybox-static/copyright busybox-static
	need git git # names the commit
	need cpio cpio
	need depmod kmod
	need xz xz-utils
	need perl perl-base
	;;
captures)
	need nft nftables
	need ethtool ethtool
	need tcpdump tcpdump
	need ping iputils-ping
	need curl curl
	need openssl openssl
	need socat socat
	need iperf3 iperf3
	need dig bind9-dnsutils
	need unbound unbound
	need chronyd chrony
	need dhclient isc-dhcp-client
	need dnsmasq dnsmasq-base
	need nginx nginx-light
	need turnserver coturn
	need sipp sip-tester
	need baresip baresip-core
	need chromium chromium
	need gtlsclient ngtcp2-client
	need gtlsserver ngtcp2-server
	need srt-live-transmit srt-tools
	need wg wireguard-tools
	need wireguard-go wireguard-go
	need transmission-cli transmission-cli
	need aria2c aria2
	need_file /usr/lib/python3/dist-packages/libtorrent.egg-info python3-libtorrent
	need gst-launch-1.0 gstreamer1.0-tools
	need_file "$plugins/libgstopus.so" gstreamer1.0-plugins-base
	need_file "$plugins/libgstrtp.so" gstreamer1.0-plugins-good
	need_file "$plugins/libgstmpegtsmux.so" gstreamer1.0-plugins-bad
	need_file "$plugins/libgstx264.so" gstreamer1.0-plugins-ugly
	;;
generate)
	need clang-14 clang-14
	need llvm-strip-14 llvm-14
	need_file /usr/include/bpf/bpf_helpers.h libbpf-dev
	need_file /usr/include/linux/bpf.h linux-libc-dev
	;;
lint)
	need clang-format-14 clang-format-14
	;;
*)
	usage
	;;
esac

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "setup: this machine lacks what these Debian packages hold, and has no apt-get: install$missing"
	exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "setup: run as root, or first: apt-get install$missing"
	exit 1
fi

echo "setup: installing$missing"
log=$(mktemp)
policy=
trap 'rm -f "$log" $policy' EXIT
# Servers are for namespaces: Debian must not start them on the machine itself.
if [ "$1" = captures ] && [ ! -e /usr/sbin/policy-rc.d ]; then
	policy=/usr/sbin/policy-rc.d
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # a list of words
if ! { apt-get -q update && apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	cat "$log"
	echo "setup: could not install$missing"
	exit 1
fi
echo "setup: installed$missing"
