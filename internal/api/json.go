package api

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// schema is the version of the JSON of this package.
const schema = "1"

// Schema is the "version" of every object. It holds nothing: it is always written as 1, and reading refuses any other number.
type Schema struct{}

// MarshalJSON writes the version.
func (Schema) MarshalJSON() ([]byte, error) { return []byte(schema), nil }

// UnmarshalJSON checks the version.
func (*Schema) UnmarshalJSON(b []byte) error {
	if string(b) != schema {
		return fmt.Errorf("read json: version is %s, this program knows %s (use the slicectl of the same release as sliced)", b, schema)
	}
	return nil
}

// List is a slice that is written as [] when it is nil.
type List[T any] []T

// MarshalJSON writes the elements.
func (l List[T]) MarshalJSON() ([]byte, error) {
	if l == nil {
		return []byte("[]"), nil
	}
	return Encode([]T(l))
}

// Encode writes v as one line without a line feed at its end, leaving <, > and & readable.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode json: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
