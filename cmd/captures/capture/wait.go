package capture

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// until polls for a condition.
func until(ctx context.Context, what string, condition func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		ok, err := condition()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// listening waits until something on h has the port: proto is tcp or udp.
func (p *place) listening(ctx context.Context, h *host, proto string, port uint16) error {
	suffix := fmt.Sprintf(":%04X", port)
	return until(ctx, fmt.Sprintf("%s %d is open on %s", proto, port, h.name), func() (bool, error) {
		found := false
		err := h.Do(func() error {
			for _, file := range []string{proto, proto + "6"} {
				table, err := os.ReadFile("/proc/thread-self/net/" + file)
				if err != nil {
					return err
				}
				for line := range strings.Lines(string(table)) {
					// A listener of TCP is in state 0A, a socket of UDP in 07.
					fields := strings.Fields(line)
					if len(fields) > 3 && strings.HasSuffix(fields[1], suffix) && (fields[3] == "0A" || fields[3] == "07") {
						found = true
					}
				}
			}
			return nil
		})
		return found, err
	})
}

// paced gives a reader that gets a piece at a time, and ends after count of them.
func paced(ctx context.Context, count int, every time.Duration, piece func(i int) []byte) io.Reader {
	r, w := io.Pipe()
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range count {
			select {
			case <-ctx.Done():
				w.CloseWithError(ctx.Err())
				return
			case <-tick.C:
			}
			if _, err := w.Write(piece(i)); err != nil {
				return
			}
		}
		w.Close()
	}()
	return r
}
