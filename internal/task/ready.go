package task

import "context"

// WaitReady waits until every part is ready, as its channel being closed says. It fails only with the context's error.
func WaitReady(ctx context.Context, parts ...<-chan struct{}) error {
	for _, part := range parts {
		select {
		case <-part:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
