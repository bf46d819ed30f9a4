//! Basque words and sentences of the demo's sample. Nouns are stems of things; a final soft `r` is
//! written once and a hard one twice, so that an ending can simply follow.

use super::Tables;

pub(super) static TABLES: Tables = Tables {
    labels: ["eguraldia", "sukaldaritza", "kirola", "musika", "bidaiak"],
    nouns: [WEATHER, COOKING, SPORT, MUSIC, TRAVEL],
    decline,
    verbs: [
        "iragarri, neurtu, behatu, jasan, sumatu, aztertu, igarri",
        "prestatu, dastatu, moztu, nahastu, berotu, zerbitzatu, kozinatu",
        "irabazi, galdu, jokatu, hobetu, entrenatu, babestu, gainditu",
        "jo, abestu, entzun, grabatu, konposatu, afinatu, entseatu",
        "bisitatu, erreserbatu, zeharkatu, ezagutu, ordaindu, bilatu, esploratu",
    ],
    verb_slots: &["egin"],
    people: "Amaia/Amaiak/Amaiari, Jon/Jonek/Joni, Miren/Mirenek/Mireni, Iker/Ikerrek/Ikerri, Ane/Anek/Aneri, \
        Mikel/Mikelek/Mikeli, Unai/Unaik/Unairi, Nerea/Nereak/Nereari, Garazi/Garazik/Garaziri, \
        Xabier/Xabierrek/Xabierri, Leire/Leirek/Leireri, Ander/Anderrek/Anderri, Maite/Maitek/Maiteri, \
        Julen/Julenek/Juleni, Oihana/Oihanak/Oihanari, Aitor/Aitorrek/Aitorri",
    people_slots: &["nor", "nork", "nori"],
    neutral: &[
        (
            "noiz",
            "atzo, gaur, bart, joan den astean, goizean, arratsaldean, astelehenean, ostiralean, iaz, \
             duela gutxi, beste behin, azkenean, orduan",
        ),
        ("norbaitek", "lagunek, gurasoek, irakasleek, bizilagunek, gazteek, lehengusuek, haiek"),
        (
            "nolakoa",
            "ona, txarra, handia, txikia, polita, berria, zaharra, garrantzitsua, berezia, arraroa, ezaguna, \
             garestia",
        ),
        ("zenbat", "oso, benetan, nahiko, izugarri"),
    ],
    templates: &[
        "{noiz} {nork} {zer} ikusi zuen.",
        "{nori} {zer} gustatzen zaio.",
        "{nori} {zerak} gustatzen zaizkio.",
        "{zer} {zenbat} {nolakoa} zen.",
        "{noiz} {zerena} izan zen gai nagusia.",
        "{noiz} {zeren} inguruan hitz egin genuen.",
        "{nork} {zer} {egin} zuen {noiz}.",
        "{nork} {zer} {egin} nahi du.",
        "{norbaitek} {zer} {egin} nahi zuten, baina ez zegoen {zerik}.",
        "Hemen ez dago {zerik}.",
        "{nork} {zerekin} hasi zuen eguna.",
        "{zer} eta {zer} aipatu zituen {nork}.",
        "{zeren} ordez {zer} aukeratu genuen.",
        "Liburu honek {zeren} eta {zeren} historia kontatzen du.",
        "{noiz} {zer} falta zen, baina {zer} bazegoen.",
        "{nork} {zer} hobeto ulertzen du orain.",
        "Zer da garrantzitsuagoa, {zer} ala {zer}?",
        "{zerik} gabe ez dago {zerik}.",
        "{nork} {zertan} pentsatzen du beti.",
        "{norbaitek} {zeren} berri galdetu zuten {noiz}.",
        "Ez dakit {zer} {nolakoa} den.",
        "{zerak} {zenbat} onak ziren {noiz}.",
        "{nork} {zer} eta {zer} nahi ditu.",
        "Inork ez zuen {zerik} {egin} {noiz}.",
    ],
    lists: &[
        "{zer}, {zer}, {zer}, {zer} eta {zer} ikusi zituen {nork}.",
        "{nork} {zer}, {zer}, {zer} eta {zer} aipatu zituen {noiz}.",
        "{nori} {zerak}, {zerak}, {zerak} eta {zerak} gustatzen zaizkio.",
        "Ez dago {zerik}, ez {zerik}, ez {zerik}, ezta {zerik} ere.",
        "Liburu honek {zeren}, {zeren}, {zeren} eta {zeren} historia kontatzen du.",
        "{noiz} {zerekin}, {zerekin} eta {zerekin} hasi zuten {norbaitek} eguna.",
    ],
};

const WEATHER: &str = "euri, elurr, haize, hodei, laino, ekaitz, trumoi, tximista, kazkabarr, izotz, bero, hotz, eguzki, \
    ostadarr, hezetasun, tenperatura, zirimiri, lanbro, zaparrada, uholde, lehorte, haizete, brisa, ihintz, \
    antzigarr, udaberri, uda, udazken, negu, zeru, galerna, olatu, marea, presio, termometro, barometro, \
    euritako, zira, bufanda, eskularru, iragarpen, klima, freskura, elurte, izozte, sargori, egunsenti, \
    ilunabarr, itzal, giro, enbata, lokatz, putzu, urakan, tornado, zikloi, satelite, eguraldi, urtaro, \
    erauntsi, ekaitzaldi, kostalde";

const COOKING: &str = "tipula, baratxuri, tomate, piperr, patata, azenario, arroz, ogi, gazta, arrautza, esne, gurin, olio, \
    gatz, azukre, irin, haragi, arrain, oilasko, legatz, bakailao, txorizo, urdaiazpiko, babarrun, dilista, \
    garbantzu, zopa, salda, saltsa, entsalada, tortilla, pastel, tarta, gaileta, txokolate, kafe, ardo, \
    sagarr, limoi, laranja, marrubi, mahats, fruta, barazki, lapiko, zartagin, labe, sukalde, plater, \
    sardexka, labana, koilara, errezeta, afari, bazkari, gosari, postre, ozpin, perrexil, perretxiko, masa, \
    legami, denboraldi";

const SPORT: &str = "futbol, pilota, saskibaloi, eskubaloi, igeriketa, txirrindularitza, txapelketa, partida, lasterketa, \
    maratoi, gol, ate, sare, zelai, frontoi, kantxa, estadio, harmaila, talde, entrenamendu, garaipen, \
    porrot, berdinketa, domina, kopa, txapel, sari, arau, penalti, korner, saski, erraketa, tenis, surf, \
    arraun, traineru, estropada, eskalada, eski, patin, bizikleta, kasko, uniforme, kamiseta, eskularru, \
    denboraldi, liga, sailkapen, puntu, marka, errekorr, jauzi, igerileku, gimnasio, pisu, muskulu, izerdi, \
    abiadura, indarr, erresistentzia, helmuga, irteera, olatu";

const MUSIC: &str = "gitarra, piano, biolin, txalaparta, trikitixa, pandero, txistu, danborr, flauta, tronpeta, saxofoi, \
    bateria, arpa, alboka, akordeoi, organo, baxu, mikrofono, bozgorailu, abesti, kanta, doinu, melodia, \
    erritmo, akorde, nota, partitura, kontzertu, jaialdi, entsegu, disko, album, kantutegi, koru, orkestra, \
    banda, talde, ahots, letra, bertso, lelo, konpas, eskala, sinfonia, opera, antzoki, eszenatoki, txalo, \
    bira, grabazio, estudio, himno, balada, sonata, dantza, fandango, soinu, isiltasun, harmonia, soka, \
    arku, tekla, pedal, sarrera";

const TRAVEL: &str = "tren, hegazkin, autobus, itsasontzi, auto, maleta, motxila, pasaporte, txartel, sarrera, geltoki, \
    aireportu, portu, hotel, aterpetxe, ostatu, kanpin, mapa, gida, bidaia, ibilbide, bide, errepide, \
    autopista, zubi, mendi, hondartza, uharte, itsaso, hiri, herri, auzo, plaza, museo, katedral, gaztelu, \
    jauregi, monumentu, muga, aduana, hizkuntza, txanpon, turismo, asteburu, erreserba, giltza, ikuspegi, \
    paisaia, argazki, kamera, oroigarri, postal, kale, tunel, metro, tranbia, taxi, bizikleta, bira, \
    kostalde, basamortu, oihan, ibai, laku, abentura, atzerapen, ordutegi, irteera";

/// A noun in the definite singular or plural: `zer` absolutive, `zerak` plural, `zeren` genitive,
/// `zerena` the same as a noun, `zerekin` comitative, `zertan` inessive, `zerik` partitive.
fn decline(stem: &str, slot: &str) -> Option<String> {
    let vowel = stem.ends_with(['a', 'e', 'i', 'o', 'u']);
    let definite = if stem.ends_with('a') { stem.to_owned() } else { format!("{stem}a") };
    let form = match slot {
        "zer" => definite,
        "zerak" => format!("{definite}k"),
        "zeren" => format!("{definite}ren"),
        "zerena" => format!("{definite}rena"),
        "zerekin" => format!("{definite}rekin"),
        "zertan" if stem.ends_with('a') => format!("{stem}n"),
        "zertan" if vowel => format!("{stem}an"),
        "zertan" => format!("{stem}ean"),
        "zerik" if vowel => format!("{stem}rik"),
        "zerik" => format!("{stem}ik"),
        _ => return None,
    };
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stems_take_their_endings() {
        for (stem, slot, expected) in [
            ("mendi", "zer", "mendia"),
            ("gitarra", "zer", "gitarra"),
            ("elurr", "zertan", "elurrean"),
            ("plater", "zer", "platera"),
            ("hondartza", "zertan", "hondartzan"),
            ("zubi", "zertan", "zubian"),
            ("gitarra", "zerak", "gitarrak"),
            ("haize", "zerekin", "haizearekin"),
            ("ekaitz", "zerik", "ekaitzik"),
            ("hodei", "zerik", "hodeirik"),
            ("bide", "zeren", "bidearen"),
        ] {
            assert_eq!(decline(stem, slot).as_deref(), Some(expected));
        }
        assert_eq!(decline("mendi", "nork"), None);
    }
}
