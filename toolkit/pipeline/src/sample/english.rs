//! English words and sentences of the demo's sample. Nouns are countable, with regular plurals.

use super::Tables;

pub(super) static TABLES: Tables = Tables {
    labels: ["weather", "cooking", "sport", "music", "travel"],
    nouns: [WEATHER, COOKING, SPORT, MUSIC, TRAVEL],
    decline,
    verbs: [
        "shiver/shivered/shivering, sweat/sweated/sweating, shelter/sheltered/sheltering, \
            freeze/froze/freezing, thaw out/thawed out/thawing out, \
            get drenched/got drenched/getting drenched, squint upwards/squinted upwards/squinting upwards, \
            wrap up/wrapped up/wrapping up, dry off/dried off/drying off, sunbathe/sunbathed/sunbathing",
        "bake/baked/baking, chop/chopped/chopping, stir/stirred/stirring, fry/fried/frying, \
            knead/kneaded/kneading, peel/peeled/peeling, roast/roasted/roasting, simmer/simmered/simmering, \
            grate/grated/grating, whisk/whisked/whisking",
        "train/trained/training, sprint/sprinted/sprinting, jog/jogged/jogging, swim/swam/swimming, \
            stretch/stretched/stretching, score/scored/scoring, warm up/warmed up/warming up, \
            dribble/dribbled/dribbling, row/rowed/rowing, compete/competed/competing",
        "sing/sang/singing, hum/hummed/humming, rehearse/rehearsed/rehearsing, \
            compose/composed/composing, strum/strummed/strumming, improvise/improvised/improvising, \
            whistle/whistled/whistling, tune up/tuned up/tuning up, record/recorded/recording, \
            play along/played along/playing along",
        "pack/packed/packing, wander/wandered/wandering, sail/sailed/sailing, \
            hitchhike/hitchhiked/hitchhiking, check in/checked in/checking in, \
            sightsee/went sightseeing/sightseeing, board/boarded/boarding, commute/commuted/commuting, \
            camp/camped/camping, explore/explored/exploring",
    ],
    verb_slots: &["verb", "past", "ing"],
    people: "Alice, Ben, Clara, David, Emma, Farid, Grace, Hugo, Ines, Jack, Kate, Leo, Maria, Noah, Olga, \
        Peter, Rosa, Sam, Tara, Victor",
    people_slots: &["who"],
    neutral: &[
        (
            "when",
            "yesterday, today, last week, last year, this morning, on Monday, on Friday, at the weekend, \
             in the evening, a few days ago, in spring, in March, before noon, twice this month",
        ),
        (
            "kin",
            "my sister, my brother, our neighbour, a friend, the teacher, my mother, his uncle, her cousin, \
             an old man, a young woman",
        ),
        (
            "how",
            "good, bad, strange, beautiful, new, old, small, famous, expensive, ordinary, different, wonderful, \
             important, terrible",
        ),
        ("felt", "liked, loved, hated, remembered, forgot, noticed, mentioned, described, wanted, missed"),
        ("much", "very, rather, really, quite, not very, a little too"),
    ],
    templates: &[
        "{when}, {who} {felt} {an}.",
        "{who} {felt} the {noun} and the {noun}.",
        "The {noun} was {much} {how}, and {kin} {felt} it.",
        "{kin} {felt} the {nouns} more than the {nouns}.",
        "{who} spent the whole day {ing} and thinking about the {noun}.",
        "We {past} until late, and nobody {felt} the {nouns}.",
        "There was {an} near the {noun} {when}.",
        "{kin} asked {who} about the {noun}.",
        "{when}, everybody talked about {nouns}.",
        "Have you ever seen such {how} {nouns}?",
        "Without {an}, {who} would never {verb}.",
        "{who} likes {ing}, but {kin} prefers to {verb}.",
        "First came the {noun}, then the {noun}, and {when} it was over.",
        "It was {an} that {who} {felt} {when}.",
        "I do not know whether the {noun} is {how}.",
        "{who} wrote two pages about the {noun} and one about the {nouns}.",
        "{kin} and {who} {past} {when}.",
        "The {nouns} were {much} {how} {when}.",
        "Which is more {how}, the {noun} or the {noun}?",
        "After {ing}, {who} {felt} {how} {nouns}.",
        "{kin} has {an} at home, and {who} has two {nouns}.",
        "The story begins with {an} and ends with {an}.",
        "{who} tried to {verb} despite the {nouns}.",
        "Nobody {felt} the {how} {noun} {when}.",
    ],
    lists: &[
        "{nouns}, {nouns}, {nouns}, {nouns} and {nouns}: {who} {felt} them all.",
        "{kin} made a list: {an}, {an}, {an} and {an}.",
        "The {noun}, the {noun}, the {noun} and the {noun} belong together.",
        "{when}, {who} had to choose between {nouns}, {nouns}, {nouns} and {nouns}.",
        "{nouns} and {nouns}, {nouns} and {nouns}: {kin} knows {nouns} too.",
        "No {noun}, no {noun}, no {noun}, not even {an}!",
    ],
};

const WEATHER: &str = "cloud, storm, breeze, blizzard, rainbow, puddle, raindrop, snowflake, thunderstorm, hurricane, tornado, \
    drizzle, downpour, shower, frost, icicle, hailstone, heatwave, drought, flood, gale, gust, fog bank, \
    mist, sunbeam, sunset, sunrise, forecast, thermometer, barometer, umbrella, raincoat, snowdrift, \
    avalanche, lightning bolt, thunderclap, cold front, monsoon, cyclone, squall, whirlwind, sleet shower, \
    temperature, season, winter, summer, autumn, climate, horizon, skyline, wind, wave, tide, dewdrop, \
    snowstorm, sandstorm, weather vane, sunshade, parasol, scarf, haze, cloudburst, meteorologist, \
    rain gauge, air mass, current, jet stream, snowman, dust cloud, sky";

const COOKING: &str = "onion, carrot, potato, tomato, pepper, garlic clove, mushroom, lemon, apple, pear, soup, stew, sauce, \
    salad, omelette, pancake, pie, cake, biscuit, loaf, dumpling, noodle, sausage, steak, chicken, trout, \
    bass, prawn, egg, cheese, pan, pot, kettle, oven, stove, spoon, fork, knife set, ladle, bowl, plate, \
    recipe, ingredient, spice, herb, season, dessert, breakfast, dinner, lunch, supper, snack, sandwich, \
    roll, bun, pudding, custard, jam, pickle, olive, bean, lentil, cabbage, cucumber, pumpkin, walnut, \
    almond, raisin, apron, batter, bar, crumb";

const SPORT: &str = "match, goal, referee, stadium, coach, striker, goalkeeper, defender, racket, ball, net, tournament, \
    league, championship, medal, trophy, cup, sprint, marathon, race, finish line, relay, hurdle, javelin, \
    discus, swimmer, pool, cyclist, helmet, jersey, pitch, court, track, field, gym, dumbbell, treadmill, \
    skate, ski, snowboard, surfboard, oar, canoe, paddle, wrestler, boxer, glove, punch, tackle, penalty, \
    corner kick, free throw, basket, serve, set, score, whistle, substitute, captain, season, fan, \
    scoreboard, locker room, athlete, opponent, victory, defeat, draw, record, wave, umpire, golf club";

const MUSIC: &str = "guitar, piano, violin, cello, flute, clarinet, trumpet, trombone, drum, cymbal, harp, organ, accordion, \
    saxophone, banjo, ukulele, bass, string, bow, key, pedal, song, melody, tune, chord, note, scale, \
    rhythm, beat, verse, chorus, lyric, ballad, symphony, sonata, concerto, opera, aria, waltz, march, \
    hymn, anthem, lullaby, duet, quartet, orchestra, choir, band, conductor, singer, drummer, pianist, \
    composer, concert, gig, festival, encore, stage, microphone, amplifier, album, single, record, track, \
    pitch, score, set, tour, fan, bar, metronome, tempo, harmony";

const TRAVEL: &str = "train, plane, bus, ferry, taxi, tram, ship, cruise, suitcase, backpack, passport, visa, ticket, \
    boarding pass, platform, station, airport, harbour, terminal, gate, hotel, hostel, campsite, tent, \
    guesthouse, lobby, map, guidebook, compass, itinerary, journey, tour, excursion, detour, trail, track, \
    road, motorway, bridge, tunnel, border, customs officer, island, beach, coast, mountain, valley, \
    canyon, desert, jungle, waterfall, village, capital, old town, square, castle, palace, cathedral, \
    museum, monument, souvenir, postcard, camera, tourist, passenger, traveller, pilot, luggage rack, \
    timetable, delay, reservation, current, key, season, bar";

/// A noun as `noun`, `nouns` (plural) or `an` (with the indefinite article).
fn decline(noun: &str, slot: &str) -> Option<String> {
    match slot {
        "noun" => Some(noun.to_owned()),
        "nouns" => Some(plural(noun)),
        "an" => Some(format!("{} {noun}", article(noun))),
        _ => None,
    }
}

fn plural(noun: &str) -> String {
    let vowel_before_y = ["ay", "ey", "oy", "uy"].iter().any(|ending| noun.ends_with(ending));
    let hissing = ["s", "x", "z", "ch", "sh", "tomato", "potato"].iter().any(|ending| noun.ends_with(ending));
    match noun {
        "loaf" => "loaves".to_owned(),
        "snowman" => "snowmen".to_owned(),
        _ if noun.ends_with('y') && !vowel_before_y => format!("{}ies", noun.trim_end_matches('y')),
        _ if hissing => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

fn article(noun: &str) -> &'static str {
    let sounds_like_you = noun.starts_with("uk") || noun.starts_with("uni");
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) && !sounds_like_you { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_declined() {
        for (noun, slot, expected) in [
            ("cloud", "nouns", "clouds"),
            ("melody", "nouns", "melodies"),
            ("key", "nouns", "keys"),
            ("match", "nouns", "matches"),
            ("loaf", "nouns", "loaves"),
            ("onion", "an", "an onion"),
            ("ukulele", "an", "a ukulele"),
        ] {
            assert_eq!(decline(noun, slot).as_deref(), Some(expected));
        }
        assert_eq!(decline("cloud", "who"), None);
    }
}
