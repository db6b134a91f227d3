package functions_test

import (
	"net/url"
	"slices"
	"testing"
)

// The manifest asks for no right that is not used, and points at the template's routes.
func TestManifest(t *testing.T) {
	t.Parallel()
	m := readYAML(t, root+"/slack-manifest.yaml")
	bot := texts(at(m, "oauth_config", "scopes", "bot"))
	slices.Sort(bot)
	if want := []string{"chat:write", "commands", "files:write", "usergroups:read", "users:read"}; !slices.Equal(bot, want) {
		t.Errorf("scopes %q, want %q", bot, want)
	}
	if at(m, "oauth_config", "scopes", "user") != nil {
		t.Error("scopes of a user: Tangobot acts as itself alone")
	}
	for _, c := range []struct {
		path []string
		want any
	}{
		{[]string{"features", "app_home", "home_tab_enabled"}, true},
		{[]string{"features", "app_home", "messages_tab_enabled"}, true},
		{[]string{"features", "app_home", "messages_tab_read_only_enabled"}, true},
		{[]string{"settings", "interactivity", "is_enabled"}, true},
		{[]string{"settings", "org_deploy_enabled"}, false},
		{[]string{"settings", "socket_mode_enabled"}, false},
		{[]string{"settings", "token_rotation_enabled"}, false},
	} {
		if got := at(m, c.path...); got != c.want {
			t.Errorf("%q is %v, want %v", c.path, got, c.want)
		}
	}
	commands := list(at(m, "features", "slash_commands"))
	if len(commands) != 1 || at(commands[0], "command") != "/tango" || at(commands[0], "should_escape") != true {
		t.Fatalf("slash commands %v", commands)
	}
	if events := texts(at(m, "settings", "event_subscriptions", "bot_events")); !slices.Equal(events, []string{"app_home_opened"}) {
		t.Errorf("events %q", events)
	}
	checkLengths(t, m, commands[0])
}

// checkLengths holds the texts to Slack's limits, in characters.
func checkLengths(t *testing.T, m map[string]any, command any) {
	t.Helper()
	for _, c := range []struct {
		what        string
		text        any
		least, most int
	}{
		{"name", at(m, "display_information", "name"), 1, 35},
		{"description", at(m, "display_information", "description"), 1, 140},
		{"long description", at(m, "display_information", "long_description"), 175, 4000},
		{"the bot's name", at(m, "features", "bot_user", "display_name"), 1, 80},
		{"the command's description", at(command, "description"), 1, 2000},
		{"the command's usage hint", at(command, "usage_hint"), 1, 1000},
	} {
		text, _ := c.text.(string)
		if n := len([]rune(text)); n < c.least || n > c.most {
			t.Errorf("%s has %d characters, Slack takes %d to %d", c.what, n, c.least, c.most)
		}
	}
}

func TestManifestPointsAtTheRoutes(t *testing.T) {
	t.Parallel()
	m := readYAML(t, root+"/slack-manifest.yaml")
	routes := map[string]bool{}
	for name, f := range readTemplate(t).of(functionType) {
		if name == "CardsFunction" {
			continue // for people's browsers
		}
		for _, event := range fields(at(f, "Properties", "Events")) {
			if path, ok := at(event, "Properties", "Path").(string); ok {
				routes[path] = true
			}
		}
	}
	for want, v := range map[string]any{
		"/slack/commands":     at(list(at(m, "features", "slash_commands"))[0], "url"),
		"/slack/interactions": at(m, "settings", "interactivity", "request_url"),
		"/slack/options":      at(m, "settings", "interactivity", "message_menu_options_url"),
		"/slack/events":       at(m, "settings", "event_subscriptions", "request_url"),
	} {
		text, _ := v.(string)
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "https" || u.Host != "tangobot.example" || u.Path != want || !routes[want] {
			t.Errorf("%q, want https://tangobot.example%s and a route of the template", text, want)
		}
		delete(routes, want)
	}
	if len(routes) > 0 {
		t.Errorf("Slack is not told of %v", names(routes))
	}
}
