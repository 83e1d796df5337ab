package main

import "slices"

// ofTheRest are bugs in when it syncs, in what it says, and in whose to-dos it
// shows.
func ofTheRest() []bug {
	return slices.Concat(ofTheTime(), ofTheAccount())
}

func ofTheTime() []bug {
	return []bug{{
		name: "retry_after_ignored", holds: "I7, R7", in: "replica", tests: []string{"TestR7_RetryAfterIsHonoured"}, words: "asked to wait",
		what: "A server that asks for time is asked again as soon as any other.",
		edits: []edit{{"replica/run.go", `	case f.RetryAfter > 0:
`, `	case f.RetryAfter > 0 && f.Kind == fault.Denied:
`}},
	}, {
		name: "clock_stops_the_sync", holds: "I8, R9", in: "replica", tests: []string{"TestR9_AClockThatIsSetBackDoesNotStopTheSync"}, words: `no row "theirs"`,
		what:  "When to fetch is reckoned by the clock on the wall, and a clock that is set back stops it.",
		edits: []edit{{"replica/round.go", `time.Since(r.sync.lastPull)`, `r.o.Now().Sub(r.sync.lastSync).Round(time.Second)`}},
	}, {
		name: "offline_is_signed_out", holds: "I10, R1", in: "replica", tests: []string{"TestOfflineIsNotSignedOut", "TestR1_OfflineAtStartTakesEdits"}, words: "Sign in",
		what: "A network that is away is shown as a session that is over.",
		edits: []edit{
			{"replica/status.go", `	case fault.SignInNeeded:
		return SignIn, "Sign in to " + what`, `	case fault.SignInNeeded, fault.Offline:
		return SignIn, "Sign in to " + what`},
			{"replica/status.go", `	case fault.Offline:
		return Offline, "Offline. " + after
`, ``},
		},
	}, {
		name: "synced_while_edits_wait", holds: "I10", in: "replica", tests: []string{"TestTheSentencesAreThoseOfTheDesign"}, words: `want "Synced 10:42 · 1 change waiting"`, model: true,
		what: "The status says Synced and no more while edits wait.",
		edits: []edit{{"replica/status.go", `		if s.Waiting > 0 {
			s.Sentence += " · "`, `		if s.Waiting > 0 && y.running {
			s.Sentence += " · "`}},
	}}
}

func ofTheAccount() []bug {
	return []bug{{
		name: "account_without_issuer", holds: "I6, S102", in: "session", tests: []string{"TestS102_TheSameSubjectElsewhereIsAnotherAccount"}, words: "another identity provider opens the copy",
		what:  "The local copy is named by the subject alone, so that a namesake at another identity provider sees it.",
		edits: []edit{{"session/record.go", `[]string{id.Issuer, id.Subject, `, `[]string{id.Subject, `}},
	}, {
		name: "copy_not_named_by_account", holds: "I6, S102", in: "replica", tests: []string{"TestI6_AnotherAccountSeesNothing"}, words: "do not open with the key", model: true,
		what:  "All accounts share one local copy.",
		edits: []edit{{"replica/files.go", `"waybill account\n" + o.Account`, `"waybill account\n" + o.Account[:0]`}},
	}, {
		name: "key_outlives_sign_out", holds: "S100, S101", in: "session", tests: []string{"TestS100_SigningOutLeavesNothingToRead"}, words: "can still be read",
		what:  "Signing out deletes the files and keeps their key, so that a copy of them can be read.",
		edits: []edit{{"session/signout.go", `[]string{storeRecord(account), accountRecord(name)}`, `[]string{accountRecord(name)}`}},
	}, {
		name: "files_before_the_key", holds: "S100, S101", in: "session", tests: []string{"TestS101_TheKeyGoesThoughAFileCannot"}, words: "can still be read",
		what: "Signing out deletes the files first, and where that fails the key stays.",
		edits: []edit{{"session/signout.go", `	defer m.lockRecordSoon(ctx, account)()
`, `	defer m.lockRecordSoon(ctx, account)()
	if err := replica.Remove(replica.Options{Dir: m.storeDir(), Account: account}); err != nil {
		return err
	}
`}},
	}, {
		name: "rotated_token_saved_after_use", holds: "R18", in: "auth", tests: []string{"TestR18_ARotatedRefreshTokenIsSavedBeforeAnythingElse"}, words: "saved after 2 requests",
		what: "A session whose refresh token has rotated is saved after it was used.",
		edits: []edit{
			{"auth/mint.go", `	if renewed != nil {
		if saveErr := l.replace(ctx, renewed); saveErr != nil && err == nil {
			err = saveErr
		}
	}
`, ``},
			{"auth/mint.go", `	g, err := l.exchange(ctx, plan, renewed, IDTokenSubject(renewed.IDToken), RungRenewed)
`, `	g, err := l.exchange(ctx, plan, renewed, IDTokenSubject(renewed.IDToken), RungRenewed)
	if saveErr := l.replace(ctx, renewed); saveErr != nil && err == nil {
		err = saveErr
	}
`},
		},
	}, {
		name: "any_refusal_ends_the_session", holds: "R17", in: "auth", tests: []string{"TestR17_AProviderThatAsksForTheUserEndsNoRefreshToken"}, words: "the refresh token is gone",
		what: "An answer that asks for the user drops the refresh token, though it still works.",
		edits: []edit{{"auth/mint.go", `	changed := *s
`, `	changed := *s
	changed.Refresh = RefreshToken{}
`}},
	}}
}
