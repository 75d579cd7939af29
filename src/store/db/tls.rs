//! TLS connections to PostgreSQL with rustls. `sslmode` and `sslrootcert` mean the same as in libpq.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::store::{StoreError, StoreResult};

/// The value of `sslrootcert` that stands for the certificate authorities of the operating system.
const SYSTEM: &str = "system";
/// libpq's default file of certificate authorities, below the home directory.
const DEFAULT_ROOTS: &str = ".postgresql/root.crt";

/// How the server is verified before anything is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Not at all. This protects against eavesdropping, but not against an active attacker.
    Nothing,
    /// Its certificate must be signed by a trusted authority.
    Authority,
    /// As [`Self::Authority`], and the certificate must be for the host of the URL.
    Host,
}

/// The TLS configuration of the client. `roots` is a PEM file or `system`; the default is libpq's file.
///
/// # Errors
/// [`StoreError::Url`] if the server has to be verified and no certificate authorities can be loaded.
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
        let path = path.ok_or_else(|| refused("sslmode requires verification: set sslrootcert".into()))?;
        for certificate in certificates(&path)? {
            store.add(certificate).map_err(|error| unusable(&path, &error.to_string()))?;
        }
    }
    if store.is_empty() {
        return Err(refused("sslrootcert contains no certificate authority".into()));
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

/// Verifies only the authority, not the host.
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
            // The host is verified last, so everything else was valid.
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

/// Accepts any certificate, for `sslmode=prefer` and `require`.
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
