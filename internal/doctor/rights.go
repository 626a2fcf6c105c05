package doctor

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// needed are the capabilities without which neither the agent nor its doctor gets far.
var needed = []struct {
	bit  uint
	name string
}{
	{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN"}, // write qdiscs and filters
	{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, // make a namespace; find programs and maps again by their ids
	{unix.CAP_BPF, "CAP_BPF"},             // load programs
	{unix.CAP_PERFMON, "CAP_PERFMON"},     // have them read the kernel's memory, for delays
}

// lacking lists the needed capabilities that the calling thread does not have.
func lacking() ([]string, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData // 32 bits each
	if err := unix.Capget(&header, &data[0]); err != nil {
		return nil, fmt.Errorf("read capabilities: %w", err)
	}
	var list []string
	for _, c := range needed {
		if data[c.bit/32].Effective&(1<<(c.bit%32)) == 0 {
			list = append(list, c.name)
		}
	}
	return list, nil
}

func lookRights(b *box) ([]finding, error) {
	if len(b.lacks) == 0 {
		return nil, nil
	}
	return found("run slicectl doctor as root, outside of containers",
		"the doctor lacks %s: nobody looked at %s", strings.Join(b.lacks, ", "), strings.Join(b.unasked, ", ")), nil
}
