package running

import (
	"context"
	"fmt"
)

// turn is a mutex that can be waited for no longer than a caller does. It is made with room for one.
type turn chan struct{}

func (t turn) Lock()   { t <- struct{}{} }
func (t turn) Unlock() { <-t }

// await is Lock that gives up when ctx ends.
func (t turn) await(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another change to end; nothing was changed: %w", context.Cause(ctx))
	}
}
