//! The tokio peer, on the current-thread runtime: an echo server (`tokio_peer echo --port N`)
//! and the micro benchmarks (`tokio_peer micro`).
mod echo;
mod micro;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[1..] {
        ["echo", "--port", port] => {
            let port = port.parse().expect("--port needs a number");
            runtime.block_on(echo::serve(port))
        }
        ["micro"] => {
            micro::run(&runtime);
            Ok(())
        }
        _ => {
            eprintln!("usage: tokio_peer echo --port N | tokio_peer micro");
            std::process::exit(2);
        }
    }
}
