package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// Paths of the verbs.
const (
	PathStatus     = "/v1/status"
	PathDevices    = "/v1/devices" // ?most=20
	PathExplain    = "/v1/explain" // ?proto=udp&src=10.0.0.5:5004&dst=192.0.2.1:5004
	PathReady      = "/v1/ready"   // answers when ready, or after a while that it is not
	PathSliceSet   = "/v1/slice/set"
	PathSliceReset = "/v1/slice/reset"
	PathTeardown   = "/v1/teardown"
)

// answer is a verb: it gives what is written as JSON.
type answer func(r *http.Request) (any, error)

func (s *Server) handler(readOnly bool) http.Handler {
	mux := http.NewServeMux()
	read := map[string]answer{PathStatus: s.status, PathDevices: s.devices, PathExplain: s.explain, PathReady: s.waitReady}
	for path, verb := range read {
		mux.Handle("GET "+path, http.MaxBytesHandler(s.verb(verb), maxBody))
	}
	plan := s.plan
	if readOnly {
		plan = s.planInTurn
	}
	mux.Handle("POST "+PathPlan, http.MaxBytesHandler(s.verb(plan), maxFile))
	change := map[string]answer{
		PathSliceSet: s.sliceSet, PathSliceReset: s.sliceReset, PathUplinkSet: s.uplinkSet, PathUplinkReset: s.uplinkReset,
		PathApply: s.apply, PathConfirm: s.confirm, PathRollback: s.rollback,
		PathPause: s.pause, PathResume: s.resume, PathTeardown: s.teardown,
	}
	for path, verb := range change {
		most := int64(maxBody)
		if path == PathApply {
			most = maxFile
		}
		if readOnly {
			verb = refuseChange
		}
		mux.Handle("POST "+path, http.MaxBytesHandler(s.verb(verb), most))
	}
	mux.Handle("/", s.verb(func(r *http.Request) (any, error) {
		detail := fmt.Sprintf("no such request: %s %s (use the slicectl of the same release as sliced)", r.Method, r.URL.Path)
		return nil, &Fault{Type: TypeNotFound, Status: http.StatusNotFound, Detail: detail}
	}))
	return mux
}

func (s *Server) verb(do answer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err == nil {
			writeJSON(w, "application/json", http.StatusOK, v)
			return
		}
		fault := faultOf(err)
		if fault.Type == TypeFailed {
			s.log.Warn("request_failed", "path", r.URL.Path, "reason", err.Error())
		}
		writeProblem(w, fault)
	})
}

func refuseChange(*http.Request) (any, error) {
	detail := fmt.Sprintf("%s only shows: changes go through the agent's other socket", ViewSocket)
	return nil, &Fault{Type: TypeForbidden, Status: http.StatusForbidden, Detail: detail}
}

func (s *Server) status(r *http.Request) (any, error) { return s.agent.Status(r.Context()) }

// Devices that are given when no number is asked for, and at most.
const (
	someDevices = 20
	mostDevices = 100
)

func (s *Server) devices(r *http.Request) (any, error) {
	most := someDevices
	if asked := r.URL.Query().Get("most"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > mostDevices {
			return nil, fmt.Errorf("%w: most %q: want a number from 1 to %d", ErrInvalid, asked, mostDevices)
		}
		most = n
	}
	return s.agent.Devices(r.Context(), most)
}

func (s *Server) explain(r *http.Request) (any, error) {
	q := r.URL.Query()
	question, err := ParseQuestion(q.Get("proto"), q.Get("src"), q.Get("dst"))
	if err != nil {
		return nil, err
	}
	return s.agent.Explain(r.Context(), question)
}

func (s *Server) waitReady(r *http.Request) (any, error) {
	late := time.NewTimer(holdReady)
	defer late.Stop()
	select {
	case <-s.agent.Ready():
		return Done{}, nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-late.C:
		return nil, &Fault{Type: TypeNotReady, Status: http.StatusServiceUnavailable,
			Detail: "agent is not ready: the first apply is not done"}
	}
}

func (s *Server) sliceSet(r *http.Request) (any, error) {
	var c SliceChange
	if err := readBody(r, &c); err != nil {
		return nil, err
	}
	if c.Name == "" {
		return nil, fmt.Errorf("%w: no slice named", ErrInvalid)
	}
	if c.Min == "" && c.Max == "" {
		return nil, fmt.Errorf("%w: slice %q: nothing to change: give min or max", ErrInvalid, c.Name)
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.SetSlice(ctx, c)
}

func (s *Server) sliceReset(r *http.Request) (any, error) {
	var c SliceReset
	if err := readBody(r, &c); err != nil {
		return nil, err
	}
	ctx, cancel := changeContext(r)
	defer cancel()
	return Done{}, s.agent.ResetSlice(ctx, c.Name, c.Uplink)
}

func (s *Server) teardown(r *http.Request) (any, error) {
	ctx, cancel := changeContext(r)
	defer cancel()
	return s.agent.Teardown(ctx)
}

// changeContext outlives the client: an operator's Ctrl-C must not leave half of a change.
func changeContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), changeTimeout)
}

// readBody reads exactly one JSON object of known fields.
func readBody(r *http.Request, into any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, more := dec.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the object")
		}
	}
	if err != nil {
		return bodyFault(err)
	}
	return nil
}

// bodyFault says why a body could not be read.
func bodyFault(err error) error {
	var tooBig *http.MaxBytesError
	if errors.As(err, &tooBig) {
		return &Fault{Type: TypeInvalid, Status: http.StatusRequestEntityTooLarge,
			Detail: fmt.Sprintf("request body is larger than %d bytes", tooBig.Limit)}
	}
	return fmt.Errorf("%w: read body: %w", ErrInvalid, err)
}
