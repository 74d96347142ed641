//! What the tests of this crate share: handshakes in memory.

use rohrpost_mail::{Host, TlsInfo, Trust};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use crate::{
    CertStore, ClientTls, ClientTlsOptions, ConnectOptions, PemPair, ServerTls, ServerTlsOptions, TlsError, ca::Ca,
};

pub(crate) const PIPE_BYTES: usize = 64 * 1024;

pub(crate) fn server(pair: PemPair) -> ServerTls {
    ServerTls::new(ServerTlsOptions::new(CertStore::from_pem([pair]).unwrap(), "test")).unwrap()
}

pub(crate) fn client() -> ClientTls {
    ClientTls::new(ClientTlsOptions::default()).unwrap()
}

pub(crate) fn to(host: &str, trust: Trust) -> ConnectOptions {
    ConnectOptions::new(Host::parse(host).unwrap(), trust)
}

/// An authority whose certificate lies in a file, as settings name it.
pub(crate) struct FiledCa {
    pub(crate) ca: Ca,
    pub(crate) trust: Trust,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn filed_ca() -> FiledCa {
    let dir = tempfile::tempdir().unwrap();
    let ca = Ca::open(dir.path(), "Test authority").unwrap();
    let trust = Trust::Ca(dir.path().join("ca.crt").display().to_string());
    FiledCa { ca, trust, dir }
}

type Outcome = Result<TlsInfo, TlsError>;

/// One connection with an octet each way, so that tickets arrive; what the server and the client say of it.
pub(crate) async fn shake(server: &ServerTls, client: &ClientTls, options: &ConnectOptions) -> (Outcome, Outcome) {
    let (ours, theirs) = duplex(PIPE_BYTES);
    let serve = async {
        let (mut stream, info, _) = server.accept(theirs).await?;
        stream.read_u8().await?;
        stream.write_u8(1).await?;
        stream.shutdown().await?;
        Ok(info)
    };
    let connect = async {
        let (mut stream, info, _) = client.connect(ours, options).await?;
        stream.write_u8(1).await?;
        stream.flush().await?;
        stream.read_u8().await?;
        Ok(info)
    };
    tokio::join!(serve, connect)
}
