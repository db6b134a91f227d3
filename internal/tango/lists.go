package tango

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/treasury"
)

// localMark begins the cursors that are made here. Tango's are base64, which has no colon.
const localMark = "local:"

// paging asks for a page. Tango ignores the cursor and the size unless paginate is true.
func paging(q url.Values, w treasury.Window) error {
	if w.Size < 1 || w.Size > 200 || w.Next != "" && w.Prev != "" {
		return fmt.Errorf("a page of %d: %w", w.Size, treasury.ErrInvalid)
	}
	q.Set("paginate", "true")
	q.Set("maxResults", strconv.Itoa(w.Size))
	if w.Next != "" && !strings.HasPrefix(w.Next, localMark) {
		q.Set("nextCursor", w.Next)
	}
	if w.Prev != "" && !strings.HasPrefix(w.Prev, localMark) {
		q.Set("prevCursor", w.Prev)
	}
	return nil
}

// page is one page of a list.
type page[T any] struct {
	items      []T
	next, prev string
}

// readPage takes a page out of an answer, which is a page object, or the whole list as a bare array: the pages promise
// the object for accounts, and for customers they do not say. A bare array is cut here. Tango's order is not promised to
// last, so the cut goes by identifier, and a cursor names the identifier at which to go on: a walk gives each entry that
// is there all the time exactly once. Every page of such a walk reads the whole list.
func readPage[T any](answer any, w treasury.Window, read func(*fields) T, id func(T) string) (page[T], error) {
	var p page[T]
	local := strings.HasPrefix(w.Next+w.Prev, localMark)
	if list, ok := answer.([]any); ok {
		if !local && w.Next+w.Prev != "" {
			return p, unreadable(errors.New("a page was asked for by Tango's cursor, and a bare list came"))
		}
		f := &fields{err: new(error)}
		all := readEach(f.each("[]", list), read)
		if f.failed() != nil {
			return p, unreadable(f.failed())
		}
		return cut(all, w, id)
	}
	f, err := fieldsOf(answer)
	switch {
	case err != nil:
		return p, unreadable(err)
	case local:
		return p, unreadable(errors.New("a bare list was being walked, and a page came"))
	}
	if _, ok := f.get("items").([]any); !ok {
		f.fail("items", "not a list")
	}
	p.items = readEach(f.objects("items"), read)
	p.next = f.cursor("nextCursor", "nextPageAvailable")
	p.prev = f.cursor("prevCursor", "prevPageAvailable")
	switch {
	case f.failed() != nil:
		return page[T]{}, unreadable(f.failed())
	case f.get("nextPageAvailable") == true && p.next == "":
		return page[T]{}, unreadable(errors.New("there is a next page, and no cursor to it")) // not the end of the list
	case p.next != "" && p.next == w.Next:
		return page[T]{}, unreadable(errors.New("the cursor does not move on"))
	}
	return p, nil
}

func readEach[T any](list []*fields, read func(*fields) T) []T {
	items := make([]T, len(list))
	for i, f := range list {
		items[i] = read(f)
	}
	return items
}

// cursor gives a cursor, unless the page says that there is nothing behind it.
func (f *fields) cursor(name, available string) string {
	cursor, _ := f.optional(name)
	if f.get(available) == false {
		return ""
	}
	return cursor
}

// cut gives one page of a whole list.
func cut[T any](all []T, w treasury.Window, id func(T) string) (page[T], error) {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(id(a), id(b)) })
	for i := 1; i < len(all); i++ {
		if id(all[i]) == id(all[i-1]) {
			return page[T]{}, unreadable(errors.New("an identifier stands twice in a list"))
		}
	}
	at := func(cursor string) int {
		i, _ := slices.BinarySearchFunc(all, strings.TrimPrefix(cursor, localMark), func(item T, want string) int {
			return cmp.Compare(id(item), want)
		})
		return i
	}
	start := 0
	end := min(w.Size, len(all))
	switch {
	case w.Next != "":
		start = at(w.Next)
		end = min(start+w.Size, len(all))
	case w.Prev != "":
		end = at(w.Prev)
		start = max(end-w.Size, 0)
	}
	p := page[T]{items: slices.Clone(all[start:end])}
	if start > 0 && start < len(all) {
		p.prev = localMark + id(all[start])
	}
	if end < len(all) {
		p.next = localMark + id(all[end])
	}
	return p, nil
}

func unreadable(err error) error {
	return fmt.Errorf("reading Tango's answer: %w: %w", treasury.ErrUnavailable, err)
}

// set adds a filter, unless it is empty.
func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

func setTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}
