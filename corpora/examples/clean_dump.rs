//! Prints the documents of a dump, to look at them: `clean_dump FILE [FIRST] [COUNT]`.
#![expect(clippy::print_stdout, reason = "an example prints")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("name a dump")?;
    let number = |index: usize, default| arguments.get(index).map_or(Ok(default), |text| text.parse::<usize>());
    let (first, count) = (number(1, 0)?, number(2, usize::MAX)?);
    let sources = [glossa_corpora::Source::new(path)];
    for document in glossa_corpora::source::documents(&sources, &Default::default())?.skip(first).take(count) {
        let document = document?;
        println!("######## {} {}\n{}\n", document.id, document.title.unwrap_or_default(), document.text);
    }
    Ok(())
}
