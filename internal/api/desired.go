package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Paths of the verbs on what is in force.
const (
	PathPlan        = "/v1/plan"  // ?name=FILE, and the body is its text; without a name the agent's own configuration
	PathApply       = "/v1/apply" // likewise; &confirm=60s
	PathConfirm     = "/v1/confirm"
	PathRollback    = "/v1/rollback"
	PathPause       = "/v1/pause" // ?for=10m
	PathResume      = "/v1/resume"
	PathUplinkSet   = "/v1/uplink/set"
	PathUplinkReset = "/v1/uplink/reset"
)

// Desired is what an Agent is asked about what should be in force.
type Desired interface {
	// Plan tells what Apply of the same file would do now; nil is the agent's own configuration.
	Plan(ctx context.Context, file *File) (Plan, error)
	// Apply puts a file in force; with confirm above 0 it goes back by itself unless Confirm comes in that time.
	Apply(ctx context.Context, file *File, confirm time.Duration) (Applied, error)
	// Confirm and Rollback answer a Fault of TypeNothingPending when there is nothing to confirm.
	Confirm(ctx context.Context) error
	Rollback(ctx context.Context) (Applied, error)
	// Pause takes the shaping away, for a time if d is above 0.
	Pause(ctx context.Context, d time.Duration) error
	Resume(ctx context.Context) error
	SetUplink(ctx context.Context, c UplinkChange) error
	// ResetUplink takes back what SetUplink did. An empty name means every uplink.
	ResetUplink(ctx context.Context, name string) error
}

// File is a configuration that is sent.
type File struct {
	Name string // as mistakes in it name it
	Text []byte
}

// UplinkChange is a live change of a link's rates. Empty fields stay as they are.
type UplinkChange struct {
	Name     string `json:"name"`
	Download string `json:"download,omitempty"` // as the configuration writes it: 20mbit, off
	Upload   string `json:"upload,omitempty"`
}

// UplinkReset takes changes back; an empty name means all.
type UplinkReset struct {
	Name string `json:"name,omitempty"`
}

// Step is one write to the kernel.
type Step struct {
	Op     string `json:"op"`   // add, change, replace, delete
	Kind   string `json:"kind"` // link, qdisc, class, filter
	Dev    string `json:"dev"`
	Object string `json:"object"` // "5c1e:11", "ingress"; "" for a link
	Text   string `json:"text"`
}

// Plan is what an apply would do.
type Plan struct {
	Version Schema     `json:"version"`
	Steps   List[Step] `json:"steps"`
	// Problems are what keeps the configuration from being in force as it is written, once all steps are done. Without any the answer
	// is the steps alone.
	Problems List[Problem] `json:"problems,omitempty"`
}

// Applied is what was done. What failed is tried again by the agent.
type Applied struct {
	Version Schema           `json:"version"`
	Steps   List[Step]       `json:"steps"` // done
	Failed  List[FailedStep] `json:"failed"`
	// Problems are as a Plan's.
	Problems List[Problem] `json:"problems,omitempty"`
	// ConfirmS is the time in which it must be confirmed; null when it stays.
	ConfirmS *float64 `json:"confirm_s"`
}

// FailedStep is what the kernel refused, or what was not tried for that.
type FailedStep struct {
	Step
	Error string `json:"error"`
}

func (s *Server) plan(r *http.Request) (any, error) {
	file, err := readFile(r)
	if err != nil {
		return nil, err
	}
	return s.agent.Plan(r.Context(), file)
}

// planInTurn is plan, one at a time.
func (s *Server) planInTurn(r *http.Request) (any, error) {
	file, err := readFile(r) // a slow client takes nobody's turn
	if err != nil {
		return nil, err
	}
	select {
	case s.viewPlan <- struct{}{}:
		defer func() { <-s.viewPlan }()
		return s.agent.Plan(r.Context(), file)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (s *Server) apply(r *http.Request) (any, error) {
	file, err := readFile(r)
	if err != nil {
		return nil, err
	}
	confirm, err := readDuration(r, "confirm")
	if err != nil {
		return nil, err
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return s.agent.Apply(ctx, file, confirm)
}

func (s *Server) confirm(r *http.Request) (any, error) {
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.Confirm(ctx)
}

func (s *Server) rollback(r *http.Request) (any, error) {
	ctx, cancel := changeContext(r)
	defer cancel()
	return s.agent.Rollback(ctx)
}

func (s *Server) pause(r *http.Request) (any, error) {
	d, err := readDuration(r, "for")
	if err != nil {
		return nil, err
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.Pause(ctx, d)
}

func (s *Server) resume(r *http.Request) (any, error) {
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.Resume(ctx)
}

func (s *Server) uplinkSet(r *http.Request) (any, error) {
	var c UplinkChange
	if err := readBody(r, &c); err != nil {
		return nil, err
	}
	if c.Name == "" {
		return nil, fmt.Errorf("%w: no uplink named", ErrInvalid)
	}
	if c.Download == "" && c.Upload == "" {
		return nil, fmt.Errorf("%w: uplink %q: nothing to change: give download or upload", ErrInvalid, c.Name)
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.SetUplink(ctx, c)
}

func (s *Server) uplinkReset(r *http.Request) (any, error) {
	var c UplinkReset
	if err := readBody(r, &c); err != nil {
		return nil, err
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.ResetUplink(ctx, c.Name)
}

// readFile gives the file that was sent, nil for none.
func readFile(r *http.Request) (*File, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, bodyFault(err)
	}
	name := r.URL.Query().Get("name")
	switch {
	case name != "":
		return &File{Name: name, Text: text}, nil
	case len(text) > 0:
		return nil, fmt.Errorf("%w: a file without a name", ErrInvalid)
	}
	return nil, nil
}

// longest bounds the times that are given: far above what anybody waits for, and far from what a clock can't count.
const longest = 30 * 24 * time.Hour

// CheckDuration says what is wrong with a time to confirm in, or to pause for: it must be above 0, and at most 30 days.
func CheckDuration(d time.Duration) error {
	switch {
	case d <= 0:
		return errors.New("must be above 0s")
	case d > longest:
		return fmt.Errorf("must be at most %s (%d days)", longest, longest/(24*time.Hour))
	}
	return nil
}

// readDuration gives a time that CheckDuration takes, or 0 when none was given.
func readDuration(r *http.Request, key string) (time.Duration, error) {
	text := r.URL.Query().Get(key)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil {
		err = CheckDuration(d)
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %s %q: %w", ErrInvalid, key, text, err)
	}
	return d, nil
}
