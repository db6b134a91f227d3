package slacksim_test

import (
	"bytes"
	"mime/multipart"
	"testing"
	"time"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// asksToUpload asks for an upload address, and gives it with the file's id.
func (b *bundle) asksToUpload(t *testing.T, name string, length int) (address, id string) {
	t.Helper()
	out := b.must(t, "files.getUploadURLExternal", m{"filename": name, "length": length})
	return out["upload_url"].(string), out["file_id"].(string)
}

func TestFileIsSharedInThreeSteps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address, id := b.asksToUpload(t, "history.csv", 6)
	b.refused(t, "file_not_found", "files.completeUploadExternal", m{"files": []any{m{"id": id}}, "channel_id": "C0ALERTS"})
	if got := post(t.Context(), t, address, "application/octet-stream", "", "a,b\n1,"); got.status != 200 || got.body != "OK - 6" {
		t.Fatalf("the upload was answered %d %q", got.status, got.body)
	}
	if n := len(b.Files()); n != 0 {
		t.Errorf("%d files are seen before they are shared", n)
	}
	b.must(t, "files.completeUploadExternal", m{"files": []any{m{"id": id, "title": "The history"}}, "channel_id": "C0ALERTS", "initial_comment": "Here"})
	files, messages := b.Files(), b.Messages("C0ALERTS")
	if len(files) != 1 || string(files[0].Content) != "a,b\n1," || files[0].Title != "The history" {
		t.Errorf("files %+v", files)
	}
	want := slacksim.FileRef{ID: id, Name: "history.csv", Title: "The history", Size: 6}
	if len(messages) != 1 || messages[0].Text != "Here" || len(messages[0].Files) != 1 || messages[0].Files[0] != want {
		t.Errorf("messages %+v", messages)
	}
	b.refused(t, "file_not_found", "files.completeUploadExternal", m{"files": []any{m{"id": id}}, "channel_id": "C0ALERTS"})
	b.clean(t)
	saved, err := b.Save()
	if err != nil {
		t.Fatal(err)
	}
	other := setup(t)
	if err := other.Load(saved); err != nil || len(other.Files()) != 1 {
		t.Errorf("after a restart there are %d files, %v", len(other.Files()), err)
	}
}

func TestFileRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, c := range map[string]struct {
		method, code string
		args         m
	}{
		"no name":            {"files.getUploadURLExternal", "invalid_arguments", m{"length": 3}},
		"no length":          {"files.getUploadURLExternal", "invalid_arguments", m{"filename": "a"}},
		"an empty file":      {"files.getUploadURLExternal", "invalid_arguments", m{"filename": "a", "length": 0}},
		"no files":           {"files.completeUploadExternal", "invalid_arguments", m{"files": []any{}}},
		"a file of nobody's": {"files.completeUploadExternal", "file_not_found", m{"files": []any{m{"id": "F1"}}}},
	} {
		t.Run(name, func(t *testing.T) { b.refused(t, c.code, c.method, c.args) })
	}
	for target, code := range map[string]string{
		"U0MAYA": "invalid_arguments", "C0GENERAL": "not_in_channel", "C0NOWHERE": "channel_not_found", "#general": "invalid_arguments",
	} {
		address, id := b.asksToUpload(t, "a", 1)
		post(t.Context(), t, address, "text/csv", "", "x")
		b.refused(t, code, "files.completeUploadExternal", m{"files": []any{m{"id": id}}, "channel_id": target})
	}
}

func TestUploadAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address, _ := b.asksToUpload(t, "a", 3)
	steps := []struct {
		name, address, body string
		status              int
	}{
		{"another length", address, "four", 400},
		{"unknown", address + "x", "abc", 404},
		{"as it should be", address, "abc", 200},
		{"used a second time", address, "abc", 404},
	}
	for _, s := range steps {
		if got := post(t.Context(), t, s.address, "text/csv", "", s.body); got.status != s.status {
			t.Errorf("%s: %d, want %d", s.name, got.status, s.status)
		}
	}
	if n := len(b.Violations()); n != 1 {
		t.Errorf("%d violations, want the one of the length", n)
	}
	late, _ := b.asksToUpload(t, "b", 1)
	b.clock.Advance(2 * time.Hour)
	if got := post(t.Context(), t, late, "text/csv", "", "x"); got.status != 404 {
		t.Errorf("an old address takes a file: %d", got.status)
	}
}

func TestUploadAsForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address, _ := b.asksToUpload(t, "a.csv", 5)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "a.csv")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte("1,2,3")); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	if got := post(t.Context(), t, address, form.FormDataContentType(), "", body.String()); got.status != 200 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestFilesNeedTheirScope(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *slacksim.Config) { c.Scopes = []string{"chat:write"} })
	out := b.call(t.Context(), t, "files.getUploadURLExternal", m{"filename": "a", "length": 1})
	if out["error"] != "missing_scope" || out["needed"] != "files:write" {
		t.Errorf("answered %v", out)
	}
}
