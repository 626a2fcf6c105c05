package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/slicegate/slicegate/internal/api"
)

// Plan tells what Apply of the same file would do now; nil is the agent's own configuration.
func (c *Client) Plan(ctx context.Context, file *File) (Plan, error) {
	var p Plan
	err := c.sendFile(ctx, api.PathPlan, file, url.Values{}, &p)
	return p, err
}

// Apply puts a file, or with nil the agent's own configuration, in force. With confirm above 0 it goes back by itself unless Confirm
// comes in that time. What the kernel refused is in the answer, and no error.
func (c *Client) Apply(ctx context.Context, file *File, confirm time.Duration) (Applied, error) {
	query := url.Values{}
	if confirm > 0 {
		query.Set("confirm", confirm.String())
	}
	var a Applied
	err := c.sendFile(ctx, api.PathApply, file, query, &a)
	return a, err
}

func (c *Client) sendFile(ctx context.Context, path string, file *File, query url.Values, out any) error {
	if file == nil {
		return c.send(ctx, http.MethodPost, path+"?"+query.Encode(), "", nil, out)
	}
	query.Set("name", file.Name)
	return c.send(ctx, http.MethodPost, path+"?"+query.Encode(), "application/toml", file.Text, out)
}

// Confirm keeps what was applied.
func (c *Client) Confirm(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, api.PathConfirm, nil, &api.Done{})
}

// Rollback takes back what was applied and not confirmed.
func (c *Client) Rollback(ctx context.Context) (Applied, error) {
	var a Applied
	err := c.do(ctx, http.MethodPost, api.PathRollback, nil, &a)
	return a, err
}

// Pause takes the shaping away, for a time if d is above 0.
func (c *Client) Pause(ctx context.Context, d time.Duration) error {
	query := url.Values{}
	if d > 0 {
		query.Set("for", d.String())
	}
	return c.do(ctx, http.MethodPost, api.PathPause+"?"+query.Encode(), nil, &api.Done{})
}

// Resume brings the shaping back.
func (c *Client) Resume(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, api.PathResume, nil, &api.Done{})
}

// SetUplink changes a link's rates, live.
func (c *Client) SetUplink(ctx context.Context, change UplinkChange) error {
	return c.do(ctx, http.MethodPost, api.PathUplinkSet, change, &api.Done{})
}

// ResetUplink takes changes back: of one uplink or, with an empty name, of all.
func (c *Client) ResetUplink(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodPost, api.PathUplinkReset, api.UplinkReset{Name: name}, &api.Done{})
}
