package api

import (
	"context"
	"errors"
	"net/http"
)

// Types of Fault.
const (
	TypeInvalid   = "invalid"   // the caller's mistake
	TypeForbidden = "forbidden" // not on this socket, not from a web page
	TypeNotFound  = "not-found" // no such verb: the programs are of different releases
	TypeNotReady  = "not-ready" // the first apply is not done
	TypeFailed    = "failed"    // the agent could not do it
	// TypeNothingPending is that there is nothing to confirm or to take back.
	TypeNothingPending = "nothing-pending"
)

// Fault is what went wrong, as application/problem+json.
type Fault struct {
	Type   string `json:"type"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

// Error gives the detail, which says what, where, and what to do.
func (f *Fault) Error() string { return f.Detail }

// Is makes a Fault of TypeInvalid match ErrInvalid.
func (f *Fault) Is(target error) bool { return target == ErrInvalid && f.Type == TypeInvalid }

// faultOf gives what an Agent's error becomes.
func faultOf(err error) *Fault {
	var fault *Fault
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.Is(err, ErrInvalid):
		return &Fault{Type: TypeInvalid, Status: http.StatusUnprocessableEntity, Detail: err.Error()}
	case errors.Is(err, context.Canceled):
		return &Fault{Type: TypeFailed, Status: http.StatusServiceUnavailable, Detail: "agent is stopping"}
	case errors.Is(err, context.DeadlineExceeded):
		return &Fault{Type: TypeFailed, Status: http.StatusGatewayTimeout, Detail: "agent did not finish in time: " + err.Error()}
	}
	return &Fault{Type: TypeFailed, Status: http.StatusInternalServerError, Detail: err.Error()}
}

func writeProblem(w http.ResponseWriter, f *Fault) {
	writeJSON(w, "application/problem+json", f.Status, f)
}

// writeJSON answers with v. When the client is gone there is nobody left to tell.
func writeJSON(w http.ResponseWriter, contentType string, status int, v any) {
	body, err := Encode(v)
	if err != nil { // a type of this package that does not encode; the tests would have seen it
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
