//! TLS to PostgreSQL over rustls: what `sslmode` and `sslrootcert` ask for, as libpq reads them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::store::{StoreError, StoreResult};

/// `sslrootcert` for the certificate authorities that the machine trusts.
const SYSTEM: &str = "system";
/// Where libpq looks for authorities, below the home directory.
const DEFAULT_ROOTS: &str = ".postgresql/root.crt";

/// How much of the server is verified before it is told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Nothing: whoever listens is not heard, whoever stands in between is.
    Nothing,
    /// That an authority which is trusted signed its certificate.
    Authority,
    /// That, and that the certificate is for the host which was asked for.
    Host,
}

/// The client's side of TLS. `roots` is a PEM file or `system`; without it, libpq's own file.
///
/// # Errors
/// [`StoreError::Url`] when something is to be verified and there are no authorities to do it by.
pub fn client_config(verify: Verify, roots: Option<&str>) -> StoreResult<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Unverified(provider.clone())),
        Verify::Authority | Verify::Host => {
            let roots = Arc::new(authorities(roots)?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| refused(format!("sslrootcert: {error}")))?;
            if verify == Verify::Host { verifier } else { Arc::new(AnyHost(verifier)) }
        }
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

fn authorities(roots: Option<&str>) -> StoreResult<RootCertStore> {
    let mut store = RootCertStore::empty();
    if roots == Some(SYSTEM) {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        let path = roots.map(PathBuf::from).or_else(default_roots);
        let path = path.ok_or_else(|| refused("sslmode asks for verification: set sslrootcert".into()))?;
        for certificate in certificates(&path)? {
            store.add(certificate).map_err(|error| unusable(&path, &error.to_string()))?;
        }
    }
    if store.is_empty() {
        return Err(refused("sslrootcert names no certificate authority".into()));
    }
    Ok(store)
}

fn certificates(path: &Path) -> StoreResult<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| unusable(path, &error.to_string()))
}

fn default_roots() -> Option<PathBuf> {
    std::env::home_dir().map(|home| home.join(DEFAULT_ROOTS))
}

fn unusable(path: &Path, why: &str) -> StoreError {
    refused(format!("sslrootcert {}: {why}", path.display()))
}

fn refused(why: String) -> StoreError {
    StoreError::Url(why)
}

/// Verifies the authority only.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let verified = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is the last thing that is looked at.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Takes any certificate, for `sslmode=prefer` and `require`.
#[derive(Debug)]
struct Unverified(Arc<CryptoProvider>);

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
