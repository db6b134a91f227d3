package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tangobot/tangobot/internal/treasury"
)

func listOrder(s subject) {
	t, j := s.t, s.j
	sorts := []string{"2026-01-02", "2026-01-01/b", "~", "2026-01-01", "10", "9", "A", "a", "2026-01-01/a", "é"}
	for i, sort := range sorts {
		commit(t, j, treasury.Write{Key: fmt.Sprintf("k%d:%s", i, sort), Body: []byte(sort), Places: byState("state/pending", sort)})
	}
	want := slices.Clone(sorts)
	slices.Sort(want) // by bytes, as DynamoDB orders strings
	for _, reverse := range []bool{false, true} {
		records, next, err := j.List(t.Context(), treasury.Listing{
			Index: treasury.ByState, Key: "state/pending", Limit: len(sorts), Reverse: reverse,
		})
		if err != nil || next != "" {
			t.Fatalf("reverse %t: next %q, error %v", reverse, next, err)
		}
		var got []string
		for _, r := range records {
			got = append(got, string(r.Body))
			if r.Version != 1 {
				t.Errorf("%q is listed with version %d", r.Key, r.Version)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("reverse %t: order %q, want %q", reverse, got, want)
		}
		slices.Reverse(want)
	}
}

func listTies(s subject) {
	t, j := s.t, s.j
	want := []string{"a", "b", "c", "d", "e"}
	for _, key := range []string{"c", "a", "e", "b", "d"} {
		commit(t, j, treasury.Write{Key: key, Places: byState("same", "2026")})
	}
	commit(t, j, treasury.Write{Key: "0", Places: byState("same", "2026+")})
	want = append(want, "0")
	for _, reverse := range []bool{false, true} {
		for limit := 1; limit <= 3; limit++ {
			got := pages(t, j, treasury.Listing{Index: treasury.ByState, Key: "same", Limit: limit, Reverse: reverse})
			if !slices.Equal(got, want) {
				t.Errorf("reverse %t by %d: %q, want %q", reverse, limit, got, want)
			}
		}
		slices.Reverse(want)
	}
}

func listsApart(s subject) {
	t, j := s.t, s.j
	both := map[treasury.Index]treasury.Place{treasury.ByState: at("state/a", "5"), treasury.ByOwner: at("U1", "5")}
	commit(t, j, treasury.Write{Key: "both", Places: both})
	commit(t, j, treasury.Write{Key: "state", Places: byState("state/a", "6")})
	commit(t, j, treasury.Write{Key: "longer name", Places: byState("state/ab", "1")})
	commit(t, j, treasury.Write{Key: "shorter name", Places: byState("state/", "9")})
	commit(t, j, treasury.Write{Key: "owner's name as a state", Places: byState("U1", "1")})
	commit(t, j, treasury.Write{Key: "nowhere"})
	for _, reverse := range []bool{false, true} {
		for _, c := range []struct {
			index treasury.Index
			key   string
			want  []string
		}{
			{treasury.ByState, "state/a", []string{"both", "state"}},
			{treasury.ByState, "state/ab", []string{"longer name"}},
			{treasury.ByState, "state/", []string{"shorter name"}},
			{treasury.ByState, "state", nil},
			{treasury.ByOwner, "U1", []string{"both"}},
			{treasury.ByOwner, "state/a", nil},
			{treasury.ByState, "U1", []string{"owner's name as a state"}},
		} {
			if reverse {
				slices.Reverse(c.want)
			}
			got := pages(t, j, treasury.Listing{Index: c.index, Key: c.key, Limit: 1, Reverse: reverse})
			if !slices.Equal(got, c.want) {
				t.Errorf("%s %q reverse %t: %q, want %q", c.index, c.key, reverse, got, c.want)
			}
		}
	}
}

func placesMove(s subject) {
	t, j := s.t, s.j
	steps := []map[treasury.Index]treasury.Place{
		{treasury.ByState: at("pending", "1"), treasury.ByOwner: at("U1", "1")},
		{treasury.ByState: at("approved", "1"), treasury.ByOwner: at("U1", "1")},
		{treasury.ByState: at("approved", "2"), treasury.ByOwner: at("U2", "1")},
		{treasury.ByOwner: at("U2", "1")},
		{treasury.ByState: at("pending", "1")},
		nil,
		{treasury.ByState: at("pending", "1"), treasury.ByOwner: at("U1", "1")},
	}
	lists := []struct {
		index treasury.Index
		key   string
	}{
		{treasury.ByState, "pending"}, {treasury.ByState, "approved"}, {treasury.ByOwner, "U1"}, {treasury.ByOwner, "U2"},
	}
	for version, places := range steps {
		commit(t, j, treasury.Write{Key: "k", Version: int64(version), Body: []byte{byte(version)}, Places: places})
		for _, l := range lists {
			records, _, err := j.List(t.Context(), treasury.Listing{Index: l.index, Key: l.key, Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			if places[l.index].Key == l.key {
				want = 1
			}
			if len(records) != want {
				t.Errorf("step %d: %s %q has %d records, want %d", version, l.index, l.key, len(records), want)
				continue
			}
			if want == 1 && (records[0].Version != int64(version)+1 || records[0].Body[0] != byte(version)) {
				t.Errorf("step %d: %s %q lists version %d", version, l.index, l.key, records[0].Version)
			}
		}
	}
}

// fill makes n records in one list and gives their keys in order.
func fill(t *testing.T, j treasury.Journal, n int) []string {
	t.Helper()
	keys := make([]string, n)
	var writes []treasury.Write
	for i := range keys {
		keys[i] = fmt.Sprintf("r%03d", i)
		writes = append(writes, treasury.Write{Key: keys[i], Places: byState("all", fmt.Sprintf("2026-%03d", i))})
	}
	for chunk := range slices.Chunk(writes, treasury.MaxWrites) {
		commit(t, j, chunk...)
	}
	return keys
}

func paging(s subject) {
	t, j := s.t, s.j
	want := fill(t, j, 205)
	for _, reverse := range []bool{false, true} {
		for _, limit := range []int{1, 7, 41, 100, 200} {
			if limit == 1 && reverse {
				continue // many calls for nothing new
			}
			got := pages(t, j, treasury.Listing{Index: treasury.ByState, Key: "all", Limit: limit, Reverse: reverse})
			if !slices.Equal(got, want) {
				t.Errorf("reverse %t by %d: %d records, want %d in order", reverse, limit, len(got), len(want))
			}
		}
		slices.Reverse(want)
	}
	// The last page is known to be the last, so that nobody is shown a "Next" that leads nowhere.
	keys, next := list(t, j, treasury.Listing{Index: treasury.ByState, Key: "all", Limit: 200})
	keys, last := list(t, j, treasury.Listing{Index: treasury.ByState, Key: "all", Limit: len(want) - len(keys), Cursor: next})
	if len(keys) != 5 || last != "" {
		t.Errorf("the last page has %d records and next %q", len(keys), last)
	}
}

func cursorStability(s subject) {
	t, j := s.t, s.j
	want := fill(t, j, 9)
	for _, reverse := range []bool{false, true} {
		q := treasury.Listing{Index: treasury.ByState, Key: "all", Limit: 3, Reverse: reverse}
		got, next := list(t, j, q)
		// One before all, one behind all, one between two that are already read, one between two that are not.
		added := []string{}
		for _, sort := range []string{"2025", "2027", "2026-001x", "2026-006x"} {
			key := fmt.Sprintf("added-%t-%s", reverse, sort)
			added = append(added, key)
			commit(t, j, treasury.Write{Key: key, Places: byState("all", sort)})
		}
		// The record on which the cursor stands leaves the list.
		commit(t, j, treasury.Write{Key: got[2], Version: get(t, j, got[2]).Version, Places: byState("elsewhere", "1")})
		q.Cursor = next
		rest := pages(t, j, q)
		for i, key := range rest {
			if slices.Contains(got, key) || slices.Contains(rest[:i], key) {
				t.Errorf("reverse %t: %q came twice", reverse, key)
			}
		}
		got = append(got, slices.DeleteFunc(rest, func(key string) bool { return slices.Contains(added, key) })...)
		if !slices.Equal(got, want) {
			t.Errorf("reverse %t: %q, want %q", reverse, got, want)
		}
		for _, key := range append(slices.Clone(want[2:3]), added...) { // as before, for the other direction
			r := get(t, j, key)
			if slices.Contains(added, key) {
				commit(t, j, treasury.Write{Key: key, Version: r.Version})
				continue
			}
			commit(t, j, treasury.Write{Key: key, Version: r.Version, Places: byState("all", "2026-"+key[1:])})
		}
		slices.Reverse(want)
	}
}

func malformedListings(s subject) {
	t, j := s.t, s.j
	fill(t, j, 3)
	good := treasury.Listing{Index: treasury.ByState, Key: "all", Limit: 2}
	_, cursor := list(t, j, good)
	for _, c := range []struct {
		name   string
		change func(q *treasury.Listing)
	}{
		{"no limit", func(q *treasury.Listing) { q.Limit = 0 }},
		{"a negative limit", func(q *treasury.Listing) { q.Limit = -1 }},
		{"a limit above 200", func(q *treasury.Listing) { q.Limit = 201 }},
		{"no index", func(q *treasury.Listing) { q.Index = "" }},
		{"an unknown index", func(q *treasury.Listing) { q.Index = "by-colour" }},
		{"no list", func(q *treasury.Listing) { q.Key = "" }},
		{"a cursor that is no cursor", func(q *treasury.Listing) { q.Cursor = "%%%" }},
		{"a cut cursor", func(q *treasury.Listing) { q.Cursor = cursor[:2] }},
	} {
		q := good
		c.change(&q)
		if _, _, err := j.List(t.Context(), q); !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s: got error %v, want ErrInvalid", c.name, err)
		}
	}
}
