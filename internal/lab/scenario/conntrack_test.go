package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// conntrackSlab is the allocator's view of conntrack's entries. Their hash table is one for all network namespaces, and nothing else counts
// them together.
const conntrackSlab = "/sys/kernel/slab/nf_conntrack"

// tracked counts the entries of all namespaces.
func tracked() (int, error) {
	// What is free in a slab of a processor's own counts as used until the slab is given back.
	if err := os.WriteFile(filepath.Join(conntrackSlab, "shrink"), []byte("1"), 0); err != nil {
		return 0, fmt.Errorf("count conntrack's entries: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(conntrackSlab, "objects"))
	if err != nil {
		return 0, fmt.Errorf("count conntrack's entries: %w", err)
	}
	total, _, _ := strings.Cut(strings.TrimSpace(string(text)), " ") // parts by memory node follow
	n, err := strconv.Atoi(total)
	if err != nil {
		return 0, fmt.Errorf("count conntrack's entries: %w", err)
	}
	return n, nil
}

// forget waits until no more than some entries are left. A namespace that nobody has any more goes in the kernel's own time.
func forget(ctx context.Context, left int) error {
	const patience, look = 30 * time.Second, 10 * time.Millisecond
	for until := time.Now().Add(patience); ; pause(ctx, look) {
		n, err := tracked()
		if err != nil || n <= left {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("wait for a wire's flows to go: conntrack has %d after %s, %d before it", n, patience, left)
		}
	}
}
