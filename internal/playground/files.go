package main

import (
	"mime"
	"net/http"
	"slices"

	"github.com/tangobot/tangobot/internal/slack/slacksim"
)

// playFile gives a file that the bot shared to a person who sees the message that carries it.
func (p *playground) playFile(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if p.slack == nil || !p.seesFile(r.URL.Query().Get("person"), id) {
		notFound(w, r)
		return
	}
	for _, f := range p.slack.Files() {
		if f.ID == id {
			// A spreadsheet is saved, never shown: what people typed stands in it.
			w.Header().Set("Content-Type", "application/octet-stream")
			w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
			_, _ = w.Write(f.Content) // the browser is gone, or it is not
			return
		}
	}
	notFound(w, r)
}

func (p *playground) seesFile(person, id string) bool {
	screen, err := p.slack.View(person)
	if err != nil {
		return false
	}
	lists := [][]slacksim.Message{screen.Direct.Messages}
	for _, c := range screen.Channels {
		lists = append(lists, c.Messages)
	}
	carries := func(m slacksim.Message) bool {
		return slices.ContainsFunc(m.Files, func(f slacksim.FileRef) bool { return f.ID == id })
	}
	for _, list := range lists {
		for _, m := range list {
			if carries(m) || slices.ContainsFunc(m.Replies, carries) {
				return true
			}
		}
	}
	return false
}
