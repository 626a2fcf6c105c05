// Package client asks a running agent over its control socket.
//
//  1. One method a verb, one connection a call; a Client holds nothing that has to be closed.
//  2. An agent that cannot be asked is ErrUnreachable; what the agent refused is an *api.Fault, and matches ErrInvalid when the
//     caller got it wrong.
//  3. The types are those of package api, named again here, so that a caller imports this package alone.
package client
