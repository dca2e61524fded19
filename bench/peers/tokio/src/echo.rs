use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BUFFER_SIZE: usize = 16 * 1024;

pub async fn serve(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(echo(stream));
    }
}

/// Ends with the connection, whatever ended that.
async fn echo(mut stream: TcpStream) {
    let mut buffer = vec![0u8; BUFFER_SIZE];
    loop {
        let size = match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(size) => size,
        };
        if stream.write_all(&buffer[..size]).await.is_err() {
            return;
        }
    }
}
