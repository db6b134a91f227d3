package slacksim

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// File is a file that the app uploaded: asked for by files.getUploadURLExternal, sent to the address that this gave, and
// shared by files.completeUploadExternal. Until then nobody sees it.
type File struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Title    string    `json:"title,omitempty"`
	Length   int       `json:"length"` // in bytes, as the app announced it
	Content  []byte    `json:"content,omitempty"`
	Uploaded bool      `json:"uploaded,omitempty"`
	Shared   bool      `json:"shared,omitempty"`
	Secret   string    `json:"secret"` // the last part of its upload address
	At       time.Time `json:"at"`
}

const (
	// uploadURL is the name under which uploads are logged and made to fail.
	uploadURL = "upload_url"
	// maxUpload bounds a file here; Slack takes a gigabyte.
	maxUpload = 64 << 20
)

// shareTarget is what files.completeUploadExternal takes as channel_id. Slack's own form also wants eight characters or
// more behind the letter; the ids here are shorter. A person's id is refused, unlike in chat.postMessage.
var shareTarget = regexp.MustCompile(`^[CGDZ][A-Z0-9]+$`)

// Files gives the files that the app shared, oldest first.
func (w *Workspace) Files() []File {
	w.mu.Lock()
	defer w.mu.Unlock()
	var shared []File
	for _, f := range w.state.Files {
		if f.Shared {
			one := *f
			one.Content = slices.Clone(f.Content)
			shared = append(shared, one)
		}
	}
	slices.SortFunc(shared, func(a, b File) int { return strings.Compare(a.ID, b.ID) })
	return shared
}

func (w *Workspace) getUploadURL(a args) (object, *refusal) {
	length, err := strconv.Atoi(a.text("length"))
	switch {
	case a.text("filename") == "":
		return nil, invalidArguments("missing required field: filename")
	case err != nil || length <= 0:
		return nil, invalidArguments("must be more than 0 [json-pointer:/length]")
	}
	f := &File{
		ID: fmt.Sprintf("F%08d", w.next()), Name: a.text("filename"), Length: length, Secret: w.secretID(), At: w.config.Clock(),
	}
	w.state.Files[f.ID] = f
	return object{"upload_url": w.config.BaseURL + "/upload/v1/" + f.Secret, "file_id": f.ID}, nil
}

func invalidArguments(message string) *refusal {
	return &refusal{code: "invalid_arguments", messages: []string{"[ERROR] " + message}}
}

// serveUpload takes a file's bytes, raw or as a form with one file in it. It answers as Slack's file service does: in
// words, by status alone.
func (w *Workspace) serveUpload(rw http.ResponseWriter, r *http.Request, secret string) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxUpload))
	w.serve(rw, r, uploadURL, args{values: map[string]any{"length": strconv.Itoa(len(body))}}, func() answer {
		refused := func(status int, code string) answer {
			return answer{text: http.StatusText(status) + "\n", status: status, code: code}
		}
		var f *File
		for _, one := range w.state.Files {
			if one.Secret == secret {
				f = one
			}
		}
		switch {
		case r.Method != http.MethodPost:
			return refused(http.StatusMethodNotAllowed, "invalid_http_method")
		case err != nil:
			return refused(http.StatusRequestEntityTooLarge, "file_too_large")
		case f == nil || f.Uploaded || w.config.Clock().Sub(f.At) > time.Hour:
			return refused(http.StatusNotFound, "file_not_found")
		}
		content, ok := uploaded(r.Header.Get("Content-Type"), body)
		if !ok || len(content) != f.Length {
			w.violate(uploadURL, []Problem{{Code: "length", Path: "/length", Text: "the file is not as long as it was announced"}})
			return refused(http.StatusBadRequest, "length_mismatch")
		}
		f.Content, f.Uploaded = content, true
		return answer{text: fmt.Sprintf("OK - %d", len(content)), applied: true}
	})
}

// uploaded gives the file in a request's body.
func uploaded(contentType string, body []byte) ([]byte, bool) {
	kind, params, _ := mime.ParseMediaType(contentType)
	if kind != "multipart/form-data" {
		return body, true
	}
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, false
		}
		if part.FileName() != "" {
			content, err := io.ReadAll(part)
			return content, err == nil
		}
	}
}

// completeUpload shares uploaded files in a channel, as one message of the app.
func (w *Workspace) completeUpload(a args) (object, *refusal) {
	list, _, valid := a.nested("files")
	if !valid || len(asList(list)) == 0 {
		return nil, invalidArguments("must provide an array [json-pointer:/files]")
	}
	var files []*File
	for _, v := range asList(list) {
		one := asObject(v)
		f := w.state.Files[asString(one["id"])]
		if f == nil || !f.Uploaded || f.Shared {
			return nil, refuse("file_not_found")
		}
		files = append(files, f)
	}
	channel := a.text("channel_id")
	var target Channel
	if channel != "" {
		if !shareTarget.MatchString(channel) {
			return nil, invalidArguments("input must match regex pattern: ^[CGDZ][A-Z0-9]{8,}$ [json-pointer:/channel_id]")
		}
		var bad *refusal
		if target, bad = w.target(channel, false); bad != nil {
			return nil, bad
		}
	}
	var wire []any
	for i, v := range asList(list) {
		files[i].Title = asString(asObject(v)["title"])
		files[i].Shared = channel != ""
		wire = append(wire, object{"id": files[i].ID, "title": files[i].Title})
	}
	if channel != "" {
		m := Message{Channel: target.ID, ThreadTS: a.text("thread_ts"), User: w.config.BotUserID, Text: a.text("initial_comment")}
		for _, f := range files {
			m.Files = append(m.Files, FileRef{ID: f.ID, Name: f.Name, Title: f.Title, Size: len(f.Content)})
		}
		w.post(m)
	}
	return object{"files": wire}, nil
}

// FileRef is a file as a message shows it.
type FileRef struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Title string `json:"title"`
	Size  int    `json:"size"` // in bytes
}
