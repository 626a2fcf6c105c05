package scenario

import "testing"

// onWire measures on a wire of its own, and leaves no entry of conntrack behind: another wire's flows would be searched among this one's.
func onWire(t *testing.T, treatment Treatment, measure func(w *Wire)) {
	t.Helper()
	before, err := tracked()
	if err != nil {
		t.Fatal(err)
	}
	w, err := NewWire(t.Context(), treatment)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if err := forget(t.Context(), before); err != nil {
			t.Error(err)
		}
	}()
	measure(w)
}
