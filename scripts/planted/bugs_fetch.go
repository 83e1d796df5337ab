package main

// ofFetching are bugs in what is made of a listing.
func ofFetching() []bug {
	return []bug{{
		name: "partial_list_deletes", holds: "I9, R34", in: "replica", tests: []string{"TestR34_NoDeletionIsInferredFromWhatMayBeIncomplete"}, words: "rows after an incomplete listing",
		what:  "A to-do that an incomplete listing lacks is taken for deleted.",
		edits: []edit{{"replica/pull.go", `!ok && list.Complete`, `!ok`}},
	}, {
		name: "partial_list_called_complete", holds: "I9, R34", in: "api", tests: []string{"TestR34_IncompleteListingSaysSo"}, words: "Complete:true",
		what:  "A listing whose end is missing is called complete.",
		edits: []edit{{"api/list.go", `whole.Complete = whole.Complete && (read.Complete || more && read.Skipped == 0) && !linksNext(page)`, `_ = more`}},
	}, {
		name: "no_question_about_many", holds: "I9, R34", in: "replica", tests: []string{"TestR34_ManyMissingAtOnceAreAskedAbout"}, words: "60 rows",
		what:  "A listing that lacks a great part of the to-dos removes them without a question.",
		edits: []edit{{"replica/pull.go", `len(missing) > guardItems && many`, `len(missing) > known`}},
	}, {
		name: "listing_wins", holds: "I1, R30", in: "replica", tests: []string{"TestR30_AListingLeavesTheEditsThatWait"}, words: `no row "Oat milk"`, model: true,
		what: "A to-do that is fetched again replaces what was edited here and is not sent yet.",
		edits: []edit{{"replica/pull.go", `return putRecords(puts[:n]), nil`, `records := putRecords(puts[:n])
			for _, t := range puts[:n] {
				if it := r.m.items[t.ID]; it != nil {
					records[0].drops = append(records[0].drops, numbers(it.edits)...)
				}
			}
			return records, nil`}},
	}, {
		name: "etag_before_the_list", holds: "I4, R20", in: "replica", tests: []string{"TestR20_CrashAtEveryWrite"}, words: "there [",
		what: "The version of a listing is saved before the listing, so that after a crash in between it is never fetched.",
		edits: []edit{{"replica/pull.go", `	d := r.compare(list)
`, `	d := r.compare(list)
	if err := r.commit(func() ([]*record, error) {
		s := r.syncRecord()
		s.etag = list.ETag
		return []*record{{sync: s}}, nil
	}); err != nil {
		return err
	}
`}},
	}, {
		name: "rebuilt_copy_sends_first", holds: "I2, R24", in: "replica", tests: []string{"TestR24_AfterARebuildTheListComesFirst"}, words: "[create Oat milk]",
		what:  "A rebuilt copy sends its edits before it knows what the server has.",
		edits: []edit{{"replica/round.go", `r.m.sync.at.IsZero() || r.m.sync.pullFirst || r.doubtfulCreates()`, `r.m.sync.at.IsZero() || r.doubtfulCreates()`}},
	}}
}
