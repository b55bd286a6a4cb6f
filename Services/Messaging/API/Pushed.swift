/// What clients are told as it happens; the names are those of the events that they see.
///
/// What is about a conversation goes to `presence-conversation-{conversation}`, what badges and lists need to
/// `private-user-{member}`. Order lies in what they say: `seq` and `version`.
public enum Pushed {}
