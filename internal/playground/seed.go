package main

import (
	"strings"
	"time"

	"github.com/tangobot/tangobot/internal/tango/tangosim"
)

// seed gives a new platform its customers, accounts and cards: the demo company, and enough more that lists have pages.
func seed(sim *tangosim.Sim, now time.Time) {
	sim.Demo()
	created := time.Date(2025, time.January, 7, 10, 0, 0, 0, time.UTC)
	sim.AddCustomer("acme-pacific", "Acme Pacific", created)
	for i, a := range moreAccounts() {
		a.CreatedAt = created.AddDate(0, 0, 9*i)
		a.Email = strings.ReplaceAll(a.ID, "-", ".") + "@acme.example"
		a.Notify = []string{"finance@acme.example"}
		sim.AddAccount(a)
	}
	for _, k := range []tangosim.Card{
		{Account: "europe-rewards", Label: "Europe Visa", LastFour: "1881", Expires: "2030-03", CreatedAt: created, ActiveFrom: created},
		{Account: "marketing-us", Label: "Left with an agency", LastFour: "5100", Expires: "2029-11", Status: "DELETED", CreatedAt: created, ActiveFrom: created},
		// Tango lets a card rest after its registration: this one can be charged from tomorrow.
		{Account: "canada-rewards", Label: "Canada Mastercard", LastFour: "4444", Expires: "2032-05", CreatedAt: now.Add(-time.Hour), ActiveFrom: now.Add(23 * time.Hour)},
	} {
		sim.AddCard(k)
	}
	for _, d := range []tangosim.Deposit{
		{Account: "employee-rewards", Reference: "TB-1MARCH00", Status: "SUCCESS", Cents: 500_000, Charged: 517_500, CreatedAt: created.AddDate(0, 2, 3)},
		{Account: "marketing-us", Status: "DECLINED", Cents: 120_000, CreatedAt: created.AddDate(0, 4, 11)},
	} {
		sim.AddDeposit(d)
	}
}

func moreAccounts() []tangosim.Account {
	const us, europe, pacific = "acme-rewards", "acme-europe", "acme-pacific"
	return []tangosim.Account{
		{Customer: pacific, ID: "australia-rewards", Name: "Australia Rewards", Currency: "AUD", Cents: 960_000},
		{Customer: pacific, ID: "australia-events", Name: "Australia Events", Currency: "AUD", Cents: 142_050},
		{Customer: pacific, ID: "singapore-rewards", Name: "Singapore Rewards", Currency: "SGD", Cents: 718_800},
		{Customer: us, ID: "marketing-emea", Name: "Marketing EMEA", Currency: "USD", Cents: 430_000},
		{Customer: us, ID: "marketing-webinars", Name: "Marketing Webinars", Currency: "USD", Cents: 95_000},
		{Customer: us, ID: "support-kudos", Name: "Support Kudos", Currency: "USD", Cents: 187_525},
		{Customer: us, ID: "engineering-kudos", Name: "Engineering Kudos", Currency: "USD", Cents: 264_000},
		{Customer: us, ID: "onboarding-gifts", Name: "Onboarding Gifts", Currency: "USD", Cents: 150_000},
		{Customer: us, ID: "service-anniversaries", Name: "Service Anniversaries", Currency: "USD", Cents: 688_010},
		{Customer: us, ID: "customer-surveys", Name: "Customer Surveys", Currency: "USD", Cents: 302_440},
		{Customer: us, ID: "user-research", Name: "User Research", Currency: "USD", Cents: 118_000},
		{Customer: us, ID: "beta-testers", Name: "Beta Testers", Currency: "USD", Cents: 64_000},
		{Customer: us, ID: "partner-bonus", Name: "Partner Bonus", Currency: "USD", Cents: 1_050_000},
		{Customer: us, ID: "wellness-program", Name: "Wellness Program", Currency: "USD", Cents: 225_000},
		{Customer: us, ID: "safety-awards", Name: "Safety Awards", Currency: "USD", Cents: 76_050},
		{Customer: us, ID: "campus-hiring", Name: "Campus Hiring", Currency: "USD", Cents: 340_000},
		{Customer: us, ID: "canada-events", Name: "Canada Events", Currency: "CAD", Cents: 51_099},
		{Customer: europe, ID: "germany-rewards", Name: "Germany Rewards", Currency: "EUR", Cents: 830_000},
		{Customer: europe, ID: "france-rewards", Name: "France Rewards", Currency: "EUR", Cents: 415_075},
		{Customer: europe, ID: "poland-rewards", Name: "Poland Rewards", Currency: "PLN", Cents: 2_250_000},
		{Customer: europe, ID: "uk-events", Name: "UK Events", Currency: "GBP", Cents: 93_020},
		{Customer: us, ID: "mexico-rewards", Name: "Mexico Rewards", Currency: "MXN", Cents: 3_400_000},
	}
}
