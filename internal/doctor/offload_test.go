package doctor

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	mdnetlink "github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/slicegate/slicegate/internal/nettest"
)

// attr is a netlink attribute.
func attr(typ uint16, data ...byte) []byte {
	return nltest.MustMarshalAttributes([]mdnetlink.Attribute{{Type: typ, Data: data}})
}

// flowtableMessage is what a kernel with flow offload dumps, with an attribute that nobody knows.
func flowtableMessage(name string, flags uint32, devices ...string) mdnetlink.Message {
	var hooked []byte
	for _, d := range devices {
		hooked = append(hooked, attr(1, []byte(d+"\x00")...)...)
	}
	data := []byte{unix.NFPROTO_INET, 0, 0, 0}
	for _, a := range [][]byte{
		attr(flowtableTable, []byte("fw4\x00")...), attr(flowtableName, []byte(name+"\x00")...), attr(99, 1, 2, 3),
		attr(flowtableHook|unix.NLA_F_NESTED, attr(flowtableDevices|unix.NLA_F_NESTED, hooked...)...),
		attr(flowtableFlags, binary.BigEndian.AppendUint32(nil, flags)...),
	} {
		data = append(data, a...)
	}
	return mdnetlink.Message{Data: data}
}

// answerNFT has the firewall answer one kind of dump with messages, or refuse it, and all others with nothing.
func answerNFT(typ uint16, refused error, answers ...mdnetlink.Message) *mdnetlink.Conn {
	return nltest.Dial(func(requests []mdnetlink.Message) ([]mdnetlink.Message, error) {
		r := requests[0]
		done := mdnetlink.Message{Header: mdnetlink.Header{Type: mdnetlink.Done, Flags: mdnetlink.Multi, Sequence: r.Header.Sequence, PID: r.Header.PID}}
		if uint16(r.Header.Type) != unix.NFNL_SUBSYS_NFTABLES<<8|typ {
			return []mdnetlink.Message{done}, nil
		}
		if refused != nil {
			return nil, refused
		}
		messages := make([]mdnetlink.Message, 0, len(answers)+1)
		for _, m := range answers {
			m.Header.Flags, m.Header.Sequence, m.Header.PID = mdnetlink.Multi, r.Header.Sequence, r.Header.PID
			messages = append(messages, m)
		}
		return append(messages, done), nil
	})
}

// No kernel here has flow offload: the dump is made up.
func TestFlowtables(t *testing.T) {
	f := newField(t)
	answers := f.examineAs(t, func(b *box) {
		b.nft.Close()
		b.nft = answerNFT(unix.NFT_MSG_GETFLOWTABLE, nil,
			flowtableMessage("soft", 0, "eth0", "eth1"), flowtableMessage("hard", flowtableHardware, "lan1"), mdnetlink.Message{Data: []byte{1}})
	})
	want := []string{
		"flowtable: nft flowtable soft in table inet fw4 (eth0, eth1): " +
			"its connections skip what is above their cards: a bridge, VLAN or PPPoE interface with our hooks sees them no more",
		"flowtable: nft flowtable hard in table inet fw4 (lan1): hardware forwards its connections, past all slices",
	}
	if diff := cmp.Diff(want, faults(t, answers)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if do := advice(answers, "flowtable"); !strings.Contains(do, "nft delete flowtable inet fw4 soft") {
		t.Error(do)
	}
}

// A kernel without nf_tables has no rules; one that refuses to tell them is no healthy one.
func TestFirewallThatDoesNotAnswer(t *testing.T) {
	f := newField(t)
	for errno, want := range map[unix.Errno]int{unix.EOPNOTSUPP: 0, unix.EINVAL: 0, unix.EPERM: 1, unix.ENOBUFS: 1} {
		answers := f.examineAs(t, func(b *box) {
			b.nft.Close()
			b.nft = answerNFT(unix.NFT_MSG_GETFLOWTABLE, &mdnetlink.OpError{Op: "receive", Err: errno})
		})
		got := faults(t, answers)
		if len(got) != want || want > 0 && !strings.HasPrefix(got[0], "flowtable: could not look: ") {
			t.Errorf("%v: %q", errno, got)
		}
	}
	answers := f.examineAs(t, func(b *box) {
		b.nft.Close()
		b.nft = nil
	})
	if got := faults(t, answers); len(got) > 0 {
		t.Error(got)
	}
}

// No card here can do it: what ethtool says is made up.
func TestHardwareOffload(t *testing.T) {
	f := newField(t)
	for _, on := range []bool{true, false} {
		var asked []string
		answers := f.examineAs(t, func(b *box) {
			b.features = func(name string) (map[string]bool, error) {
				asked = append(asked, name)
				return map[string]bool{"rx-gro": true, "hw-tc-offload": on && name == "wan0"}, nil
			}
		})
		want := []string{}
		if on {
			want = append(want, "hw-tc-offload: wan0: hw-tc-offload is on: the card may forward packets by itself, past all slices")
		}
		if diff := cmp.Diff(want, faults(t, answers)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"wan0", "lan0"}, asked); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
	}
}

// What ethtool says of a real interface is read.
func TestFeaturesAreRead(t *testing.T) {
	f := newField(t)
	must(t, f.box.Do(func() error {
		features, err := ethtoolFeatures("wan0")
		if err == nil && !features["tx-generic-segmentation"] {
			err = fmt.Errorf("a veth without GSO: %v", features)
		}
		return err
	}))
}

func TestOverhead(t *testing.T) {
	for _, tt := range []struct {
		name, encapsulation string
		uplink              Uplink
		do                  string // "" for ok
	}{
		{"Ethernet, nothing told", "ether", Uplink{}, ""},
		{"Ethernet, a preset", "ether", Uplink{Overhead: 16, Preset: true}, ""},
		{"PPP, nothing told", "ppp", Uplink{}, `overhead = "30" for PPPoE over VDSL`},
		{"PPP, bytes", "ppp", Uplink{Overhead: 30}, ""},
		{"PPP, a preset", "ppp", Uplink{Overhead: 16, Preset: true}, `overhead = "30"`},
		{"raw IP, nothing told", "none", Uplink{}, ""},
		{"raw IP, a preset", "none", Uplink{Overhead: 4, Preset: true}, `overhead = "18"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.uplink.Interface = "up0"
			device := &netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: "up0", EncapType: tt.encapsulation}}
			found, err := lookOverhead(&box{cfg: Config{Uplinks: []Uplink{tt.uplink}}, devices: map[string]netlink.Link{"up0": device}})
			must(t, err)
			switch {
			case tt.do == "" && len(found) > 0:
				t.Errorf("%+v", found)
			case tt.do != "" && (len(found) != 1 || !strings.Contains(found[0].do, tt.do)):
				t.Errorf("%+v, want %s", found, tt.do)
			}
		})
	}
}

// A device without an Ethernet header is known for one.
func TestRawIPDevice(t *testing.T) {
	nettest.Require(t, "tun")
	f := newField(t)
	f.sh(t, "ip tuntap add dev tun0 mode tun; ip link set tun0 mtu 1500")
	f.cfg.Uplinks[0] = Uplink{Name: "lte", Interface: "tun0", Overhead: 4, Preset: true}
	got := faults(t, f.examine(t))
	want := "overhead: tun0: packets have no Ethernet header (none), which the preset of overhead counts on: the shaper counts 14 bytes too few"
	if len(got) != 2 || got[1] != want { // and it is down
		t.Errorf("%q", got)
	}
}
