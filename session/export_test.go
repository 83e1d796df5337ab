package session

// AccountName names an account's copy.
var AccountName = accountName

// LogWarm is what the log says when the app is warm.
const LogWarm = logWarm
