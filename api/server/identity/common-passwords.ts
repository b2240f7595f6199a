/**
 * The commonest words of passwords, from lists of passwords that leaked. Without digits and signs
 * around them, so that `Password123!` is found too; those of digits only stand as they are typed.
 */
const words = `
password passwordpassword passw passwort motdepasse contrasena senha parola haslo wachtwoord
qwerty qwertyuiop qwertyqwerty qwertyui qwertyuiopasdfghjkl qwertyuiopasdf qwertz qwertzuiop azerty azertyuiop
asdfghjkl asdfghjklqwe asdfasdf asdfasdfasdf zxcvbnm zxcvbnmasdf qazwsx qazwsxedc qazwsxedcrfv qweasdzxc qweasd qweqwe qweqweqwe
administrator administrador admin adminadmin adminadminadmin root rootroot toor user username guest test testtest testtesttest
tester testing letmein letmeinnow letmeinplease welcome welcomehome welcomewelcome changeme changemenow changemeplease changeit
secret secretsecret topsecret supersecret default defaultpassword mypassword thepassword newpassword oldpassword temppassword
temp temporary iloveyou iloveyouso iloveyousomuch ilovemyself iloveu loveyou sunshine princess princesa dragon monkey monkeymonkey
football baseball basketball superman batman spiderman starwars pokemon naruto michael michaeljackson jennifer jessica
charlie daniel thomas jordan andrew joshua matthew ashley nicole hannah samsung google facebook linkedin dropbox
computer internet server docker kubernetes lighthouse lighthouselighthouse database oracle cisco juniper mysql postgres
production staging development developer whatever nothing trustnoone trustno master masterkey mastermaster shadow killer hunter
hello hellohello helloworld hellokitty abcdefgh abcdefghijkl abcdefghijklm abcdefghijklmnop abcabcabc abcdabcdabcd abc abcd
correcthorsebatterystaple freedom blessed jesus jesuschrist liverpool chelsea arsenal barcelona juventus
winter summer spring autumn january february march april june july august september october november december
monday tuesday wednesday thursday friday saturday sunday
123456789012 1234567890123 12345678901234 123456123456 123123123123 111111111111 000000000000 987654321098 121212121212
112233445566 123321123321 1qaz2wsx3edc 1q2w3e4r5t6y 1qaz1qaz1qaz zaq12wsxcde3 a1b2c3d4e5f6 qwer1234qwer 1234qwerasdf q1w2e3r4t5y6
`;

/** Passwords, in lower case, that everybody tries first. */
export const commonPasswords: ReadonlySet<string> = new Set(words.trim().split(/\s+/));
