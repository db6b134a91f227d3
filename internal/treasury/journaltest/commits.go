package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tangobot/tangobot/internal/treasury"
)

func missingRecord(s subject) {
	t, j := s.t, s.j
	r := get(t, j, "REQ#none")
	if r.Key != "REQ#none" || r.Version != 0 || len(r.Body) != 0 {
		t.Errorf("a missing record is %+v", r)
	}
	records, err := j.Get(t.Context())
	if err != nil || len(records) != 0 {
		t.Errorf("Get of no keys gave %v, %v", records, err)
	}
}

func orderOfKeys(s subject) {
	t, j := s.t, s.j
	for _, key := range []string{"a", "b", "c"} {
		commit(t, j, treasury.Write{Key: key, Body: []byte("body of " + key)})
	}
	keys := []string{"c", "missing", "a", "b", "a"}
	records, err := j.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range records {
		got = append(got, r.Key)
		if want := "body of " + r.Key; r.Version == 1 && string(r.Body) != want {
			t.Errorf("%q came with body %q", r.Key, r.Body)
		}
	}
	if !slices.Equal(got, keys) {
		t.Errorf("keys came as %q, want %q", got, keys)
	}
}

func manyKeys(s subject) {
	t, j := s.t, s.j
	const n = 230 // more than twice what DynamoDB reads at once
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("EVENT#R1#%04d", i)
	}
	for chunk := range slices.Chunk(keys, treasury.MaxWrites) {
		var writes []treasury.Write
		for _, key := range chunk {
			writes = append(writes, treasury.Write{Key: key, Body: []byte(key)})
		}
		commit(t, j, writes...)
	}
	records, err := j.Get(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	if len(records) != n {
		t.Fatalf("%d records for %d keys", len(records), n)
	}
	for i, r := range records {
		if r.Key != keys[i] || r.Version != 1 || string(r.Body) != keys[i] {
			t.Fatalf("record %d is %q version %d body %q", i, r.Key, r.Version, r.Body)
		}
	}
}

func versionsRise(s subject) {
	t, j := s.t, s.j
	for version := range int64(12) {
		body := fmt.Sprint("body ", version+1)
		commit(t, j, treasury.Write{Key: "k", Version: version, Body: []byte(body)})
		holds(t, j, "k", version+1, body)
	}
}

func wrongVersions(s subject) {
	t, j := s.t, s.j
	commit(t, j, treasury.Write{Key: "k", Body: []byte("one")})
	commit(t, j, treasury.Write{Key: "k", Version: 1, Body: []byte("two")})
	for _, c := range []struct {
		name    string
		key     string
		version int64
	}{
		{"creating what exists", "k", 0},
		{"the version before", "k", 1},
		{"a version to come", "k", 3},
		{"a version far away", "k", 1 << 40},
		{"changing what does not exist", "missing", 1},
	} {
		for _, check := range []bool{false, true} {
			err := j.Commit(t.Context(), treasury.NewWriteID(),
				treasury.Write{Key: c.key, Version: c.version, Body: []byte("wrong"), Check: check})
			if !errors.Is(err, treasury.ErrConflict) {
				t.Errorf("%s, check %t: got error %v, want a conflict", c.name, check, err)
			}
		}
	}
	holds(t, j, "k", 2, "two")
	holds(t, j, "missing", 0, "")
}

func allOrNothing(s subject) {
	t, j := s.t, s.j
	commit(t, j, treasury.Write{Key: "b", Body: []byte("old")})
	const n = 8
	for bad := range n { // the write that fails stands in every position
		writes := make([]treasury.Write, n)
		for i := range writes {
			writes[i] = treasury.Write{Key: fmt.Sprintf("new-%d-%d", bad, i), Body: []byte("new"), Places: byState("all", "x")}
		}
		writes[bad] = treasury.Write{Key: "b", Version: 7, Body: []byte("new")}
		refused(t, j.Commit(t.Context(), treasury.NewWriteID(), writes...), treasury.ErrConflict)
		for i, w := range writes {
			if i != bad {
				holds(t, j, w.Key, 0, "")
			}
		}
	}
	holds(t, j, "b", 1, "old")
	if keys := pages(t, j, treasury.Listing{Index: treasury.ByState, Key: "all", Limit: 200}); len(keys) != 0 {
		t.Errorf("failed commits left %q in an index", keys)
	}
	commit(t, j,
		treasury.Write{Key: "b", Version: 1, Body: []byte("new")},
		treasury.Write{Key: "c", Body: []byte("created")})
	holds(t, j, "b", 2, "new")
	holds(t, j, "c", 1, "created")
}

func checkWrites(s subject) {
	t, j := s.t, s.j
	commit(t, j, treasury.Write{Key: "guard", Body: []byte("kept"), Places: byState("guards", "1")})
	commit(t, j,
		treasury.Write{Key: "guard", Version: 1, Check: true},
		treasury.Write{Key: "absent", Version: 0, Check: true},
		treasury.Write{Key: "k", Body: []byte("one")})
	commit(t, j, treasury.Write{Key: "guard", Version: 1, Check: true})
	holds(t, j, "guard", 1, "kept")
	holds(t, j, "absent", 0, "")
	holds(t, j, "k", 1, "one")
	if keys := pages(t, j, treasury.Listing{Index: treasury.ByState, Key: "guards", Limit: 10}); !slices.Equal(keys, []string{"guard"}) {
		t.Errorf("the list after a check is %q", keys)
	}
	commit(t, j, treasury.Write{Key: "guard", Version: 1, Body: []byte("changed")})
	err := j.Commit(t.Context(), treasury.NewWriteID(),
		treasury.Write{Key: "guard", Version: 1, Check: true},
		treasury.Write{Key: "k", Version: 1, Body: []byte("two")})
	refused(t, err, treasury.ErrConflict)
	holds(t, j, "k", 1, "one")
}

func ownCommit(s subject) {
	t, j := s.t, s.j
	commit(t, j, treasury.Write{Key: "guard", Body: []byte("kept")})
	for _, c := range []struct {
		name   string
		writes []treasury.Write
	}{
		{"one write", []treasury.Write{{Key: "single", Body: []byte("one")}}},
		{"two writes", []treasury.Write{{Key: "x", Body: []byte("one")}, {Key: "y", Body: []byte("one")}}},
		{"a write and a check", []treasury.Write{{Key: "guard", Version: 1, Check: true}, {Key: "z", Body: []byte("one")}}},
		{"a change", []treasury.Write{{Key: "single", Version: 1, Body: []byte("two")}}},
	} {
		id := treasury.NewWriteID()
		for call := range 3 {
			if err := j.Commit(t.Context(), id, c.writes...); err != nil {
				t.Errorf("%s, call %d: %v", c.name, call+1, err)
			}
		}
		for _, w := range c.writes {
			if r := get(t, j, w.Key); !w.Check && r.Version != w.Version+1 {
				t.Errorf("%s: %q has version %d after three calls, want %d", c.name, w.Key, r.Version, w.Version+1)
			}
		}
	}
}

// A counter that is read, raised and committed counts twice when a repeated call is told "conflict" for a commit that
// did apply and was overwritten since.
func ownCommitOverwritten(s subject) {
	t, j := s.t, s.j
	id := treasury.NewWriteID()
	mine := []treasury.Write{{Key: "k", Body: []byte("mine")}}
	if err := j.Commit(t.Context(), id, mine...); err != nil {
		t.Fatal(err)
	}
	for version := range int64(5) {
		commit(t, j, treasury.Write{Key: "k", Version: version + 1, Body: []byte("theirs")})
		if err := j.Commit(t.Context(), id, mine...); err != nil {
			t.Errorf("repeated after %d other commits: %v", version+1, err)
		}
	}
	holds(t, j, "k", 6, "theirs")
}

func foreignCommit(s subject) {
	t, j := s.t, s.j
	for _, writes := range [][]treasury.Write{
		{{Key: "single", Body: []byte("same")}},
		{{Key: "x", Body: []byte("same")}, {Key: "y", Body: []byte("same")}},
	} {
		commit(t, j, writes...)
		refused(t, j.Commit(t.Context(), treasury.NewWriteID(), writes...), treasury.ErrConflict)
		for _, w := range writes {
			holds(t, j, w.Key, 1, "same")
		}
	}
}

func mostWrites(s subject) {
	t, j := s.t, s.j
	writes := make([]treasury.Write, treasury.MaxWrites)
	for i := range writes {
		writes[i] = treasury.Write{Key: fmt.Sprintf("k%03d", i), Body: []byte{byte(i)}}
	}
	commit(t, j, writes...)
	for i := range writes {
		holds(t, j, writes[i].Key, 1, string([]byte{byte(i)}))
	}
	over := append(slices.Clone(writes), treasury.Write{Key: "one too many"})
	for i := range over {
		over[i].Key = "over-" + over[i].Key
	}
	refused(t, j.Commit(t.Context(), treasury.NewWriteID(), over...), treasury.ErrInvalid)
	holds(t, j, "over-k000", 0, "")
}

func malformedCommits(s subject) {
	t, j := s.t, s.j
	good := treasury.Write{Key: "good", Body: []byte("x")}
	placed := func(index treasury.Index, p treasury.Place) treasury.Write {
		return treasury.Write{Key: "k", Places: map[treasury.Index]treasury.Place{index: p}}
	}
	for _, c := range []struct {
		name   string
		id     string
		writes []treasury.Write
	}{
		{"no writes", "id", nil},
		{"no id", "", []treasury.Write{good}},
		{"no key", "id", []treasury.Write{good, {Body: []byte("x")}}},
		{"a key twice", "id", []treasury.Write{good, {Key: "k"}, {Key: "k"}}},
		{"a key written and checked", "id", []treasury.Write{good, {Key: "k"}, {Key: "k", Check: true}}},
		{"a negative version", "id", []treasury.Write{good, {Key: "k", Version: -1}}},
		{"a control character in a key", "id", []treasury.Write{good, {Key: "a\x00b"}}},
		{"a key that is not UTF-8", "id", []treasury.Write{good, {Key: "a\xff"}}},
		{"a body too large", "id", []treasury.Write{good, {Key: "k", Body: make([]byte, treasury.MaxBody+1)}}},
		{"a place without key", "id", []treasury.Write{good, placed(treasury.ByState, at("", "s"))}},
		{"a place without sort", "id", []treasury.Write{good, placed(treasury.ByOwner, at("k", ""))}},
		{"a control character in a sort key", "id", []treasury.Write{good, placed(treasury.ByOwner, at("k", "a\x00b"))}},
		{"an unknown index", "id", []treasury.Write{good, placed("by-colour", at("k", "s"))}},
	} {
		err := j.Commit(t.Context(), c.id, c.writes...)
		if !errors.Is(err, treasury.ErrInvalid) {
			t.Errorf("%s: got error %v, want ErrInvalid", c.name, err)
		}
	}
	holds(t, j, "good", 0, "")
}

func largestBody(s subject) {
	t, j := s.t, s.j
	body := bytes.Repeat([]byte{0, 1, 0xfe, 0xff, 'x'}, treasury.MaxBody/5)
	commit(t, j, treasury.Write{Key: "large", Body: body, Places: map[treasury.Index]treasury.Place{
		treasury.ByState: at("large", "1"), treasury.ByOwner: at("owner", "1"),
	}})
	if r := get(t, j, "large"); len(body) != treasury.MaxBody || !bytes.Equal(r.Body, body) {
		t.Errorf("a body of %d bytes came back as %d bytes", len(body), len(r.Body))
	}
	records, _, err := j.List(t.Context(), treasury.Listing{Index: treasury.ByOwner, Key: "owner", Limit: 1})
	if err != nil || len(records) != 1 || !bytes.Equal(records[0].Body, body) {
		t.Errorf("listing the largest body: %d records, error %v", len(records), err)
	}
}

func exactBytes(s subject) {
	t, j := s.t, s.j
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, body := range []string{
		"", " ", "\x00", "\x00\x00", string(all), "\xff\xfe", `{"a": 1}`, "{\"a\":1}\r\n", "e\u0301", strings.Repeat("\n", 10),
	} {
		key := fmt.Sprintf("bytes/%d ü#€", i)
		commit(t, j, treasury.Write{Key: key, Body: []byte(body)})
		holds(t, j, key, 1, body)
	}
	body := []byte("abc")
	commit(t, j, treasury.Write{Key: "alias", Body: body})
	body[0] = 'X'
	first := get(t, j, "alias")
	first.Body[1] = 'X'
	holds(t, j, "alias", 1, "abc")
}

func endedContext(s subject) {
	t, j := s.t, s.j
	commit(t, j, treasury.Write{Key: "k", Body: []byte("one"), Places: byState("all", "1")})
	ctx := ended(t)
	_, err := j.Get(ctx, "k")
	refused(t, err, context.Canceled)
	_, err = j.Get(ctx, "k", "other")
	refused(t, err, context.Canceled)
	_, _, err = j.List(ctx, treasury.Listing{Index: treasury.ByState, Key: "all", Limit: 1})
	refused(t, err, context.Canceled)
	refused(t, j.Commit(ctx, treasury.NewWriteID(), treasury.Write{Key: "k", Version: 1, Body: []byte("two")}), context.Canceled)
	refused(t, j.Commit(ctx, treasury.NewWriteID(),
		treasury.Write{Key: "k", Version: 1, Body: []byte("two")}, treasury.Write{Key: "l"}), context.Canceled)
	holds(t, j, "k", 1, "one")
	holds(t, j, "l", 0, "")
}
