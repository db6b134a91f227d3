package slacksim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Standing is what kind of user a person is.
type Standing string

// The standings. Only a member is a full, active member of the workspace.
const (
	Member             Standing = "member"
	Guest              Standing = "guest"                // is_restricted
	SingleChannelGuest Standing = "single_channel_guest" // is_restricted and is_ultra_restricted
	Deactivated        Standing = "deactivated"          // deleted
	Bot                Standing = "bot"                  // another app's bot user
	Stranger           Standing = "stranger"             // of another workspace, met in a shared channel (Slack Connect)
)

// Person is one user.
type Person struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"` // as shown, and as typed after @
	RealName string   `json:"real_name"`
	Title    string   `json:"title,omitempty"`
	Initial  string   `json:"initial"` // the first letter of Name, if empty
	Colour   string   `json:"colour"`  // of the avatar, such as #2f5d62
	Standing Standing `json:"standing"`
	TeamID   string   `json:"team_id"` // the workspace's, if empty
	Email    string   `json:"email,omitempty"`
}

// Group is a user group.
type Group struct {
	ID       string   `json:"id"`
	Handle   string   `json:"handle"`
	Members  []string `json:"members"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Channel is a channel, or a direct message conversation between a person and the app.
type Channel struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Topic    string   `json:"topic,omitempty"`
	Members  []string `json:"members"` // the bot's user id too, when it was invited
	Private  bool     `json:"private,omitempty"`
	Archived bool     `json:"archived,omitempty"`
	DirectTo string   `json:"direct_to,omitempty"` // the person, in a direct message conversation
}

// Directory is who and what is in a workspace.
type Directory struct {
	People   []Person
	Groups   []Group
	Channels []Channel
}

// Demo is the workspace T0ACME of the playground: finance, rewards, and everybody whom the app must refuse.
func Demo() Directory {
	const bot = "U0TANGO"
	return Directory{
		People: []Person{
			{ID: "U0MAYA", Name: "Maya", RealName: "Maya Haddad", Title: "finance lead", Colour: "#7a3e65"},
			{ID: "U0RAVI", Name: "Ravi", RealName: "Ravi Pillai", Title: "finance", Colour: "#2c5f8a"},
			{ID: "U0LENA", Name: "Lena", RealName: "Lena Fischer", Title: "rewards", Colour: "#8a5a1f"},
			{ID: "U0VERA", Name: "Vera", RealName: "Vera Lind", Title: "viewer, may look only", Colour: "#3f6b3a"},
			{ID: "U0GUS", Name: "Gus", RealName: "Gus Moreau", Title: "guest", Colour: "#6b6b3a", Standing: Guest},
			{ID: "U0DEL", Name: "Dela", RealName: "Dela Ward", Title: "has left", Colour: "#777777", Standing: Deactivated},
			{ID: "U0BOT2", Name: "Otherbot", RealName: "Otherbot", Title: "another bot", Colour: "#555577", Standing: Bot},
			{ID: "U0EXT", Name: "Ezra", RealName: "Ezra Novak", Title: "of another company", Colour: "#884444", Standing: Stranger, TeamID: "T0OTHER"},
		},
		Groups: []Group{{ID: "S0FINANCE", Handle: "finance", Members: []string{"U0MAYA", "U0RAVI"}}},
		Channels: []Channel{
			{
				ID: "C0APPROVE", Name: "tango-approvals", Topic: "Requests that wait for a decision",
				Members: []string{bot, "U0MAYA", "U0RAVI", "U0LENA", "U0VERA", "U0GUS", "U0EXT"},
			},
			{ID: "C0ALERTS", Name: "tango-alerts", Topic: "Low balances, accounts that changed, cards that expire", Members: []string{bot, "U0MAYA", "U0RAVI", "U0LENA"}},
			{ID: "C0GENERAL", Name: "general", Topic: "Everybody", Members: []string{"U0MAYA", "U0RAVI", "U0LENA", "U0VERA", "U0GUS"}},
		},
	}
}

// PutPerson adds a person or replaces the one with the same id.
func (w *Workspace) PutPerson(p Person) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.putPerson(p, w.config.TeamID)
	w.touch()
}

// PutGroup adds a user group or replaces the one with the same id.
func (w *Workspace) PutGroup(g Group) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g.Members = slices.Clone(g.Members)
	w.state.Groups[g.ID] = g
	w.touch()
}

// PutChannel adds a channel or replaces the one with the same id; its messages stay.
func (w *Workspace) PutChannel(c Channel) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state.putChannel(c)
	w.touch()
}

// Person gives a person by id.
func (w *Workspace) Person(id string) (Person, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, ok := w.state.People[id]
	return p, ok
}

// People gives everybody, in the order in which they were added.
func (w *Workspace) People() []Person {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state.people()
}

func (s *state) people() []Person {
	list := make([]Person, 0, len(s.PeopleOrder))
	for _, id := range s.PeopleOrder {
		list = append(list, s.People[id])
	}
	return list
}

func (s *state) putPerson(p Person, team string) {
	p.TeamID = cmp.Or(p.TeamID, team)
	p.Standing = cmp.Or(p.Standing, Member)
	p.RealName = cmp.Or(p.RealName, p.Name)
	p.Colour = cmp.Or(p.Colour, "#555555")
	if p.Initial == "" && p.Name != "" {
		p.Initial = strings.ToUpper(string([]rune(p.Name)[:1]))
	}
	if _, ok := s.People[p.ID]; !ok {
		s.PeopleOrder = append(s.PeopleOrder, p.ID)
	}
	s.People[p.ID] = p
}

func (s *state) putChannel(c Channel) {
	c.Members = slices.Clone(c.Members)
	if _, ok := s.Channels[c.ID]; !ok && c.DirectTo == "" {
		s.ChannelOrder = append(s.ChannelOrder, c.ID)
	}
	s.Channels[c.ID] = c
}

// direct gives the conversation between a person and the app, and makes it when there is none.
func (s *state) direct(person, bot string) Channel {
	id := "D" + strings.TrimPrefix(person, "U")
	if c, ok := s.Channels[id]; ok {
		return c
	}
	c := Channel{ID: id, Name: "directmessage", Members: []string{person, bot}, Private: true, DirectTo: person}
	s.putChannel(c)
	return c
}

// actor gives a person who can act.
func (s *state) actor(id string) (Person, error) {
	p, ok := s.People[id]
	if !ok {
		return p, fmt.Errorf("person %s: %w", id, ErrUnknown)
	}
	if p.Standing == Deactivated || p.Standing == Bot {
		return p, fmt.Errorf("%s is a %s: %w", id, p.Standing, ErrCannotAct)
	}
	return p, nil
}

// sees tells whether a person can look into a channel: as one of its members, or, in a public one, as a full member.
func (s *state) sees(p Person, c Channel) bool {
	return slices.Contains(c.Members, p.ID) || (!c.Private && p.Standing == Member)
}

// handle is the old user name, which Slack still sends and nobody may trust.
func (p Person) handle() string { return strings.ToLower(strings.ReplaceAll(p.Name, " ", ".")) }

// wire is the person as users.info gives them.
func (p Person) wire(team string) map[string]any {
	profile := map[string]any{
		"real_name": p.RealName, "real_name_normalized": p.RealName, "display_name": p.Name,
		"display_name_normalized": p.Name, "title": p.Title, "team": p.TeamID,
	}
	if p.Email != "" {
		profile["email"] = p.Email
	}
	u := map[string]any{
		"id": p.ID, "team_id": p.TeamID, "name": p.handle(), "deleted": p.Standing == Deactivated,
		"color": strings.TrimPrefix(p.Colour, "#"), "real_name": p.RealName, "tz": "Etc/UTC", "tz_label": "UTC",
		"tz_offset": 0, "profile": profile, "is_admin": false, "is_owner": false, "is_primary_owner": false,
		"is_restricted":       p.Standing == Guest || p.Standing == SingleChannelGuest,
		"is_ultra_restricted": p.Standing == SingleChannelGuest,
		"is_bot":              p.Standing == Bot, "is_app_user": false, "updated": 0,
		"is_email_confirmed": p.Email != "", "who_can_share_contact_card": "EVERYONE",
	}
	if p.Standing == Stranger || p.TeamID != team {
		u["is_stranger"] = true
	}
	return u
}
