// SPDX-License-Identifier: MIT
#include "failure.h"

namespace rondo::tls {
namespace {

std::string reason_text(unsigned long error) {
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "error " + std::to_string(ERR_GET_REASON(error)) : reason;
}

}  // namespace

std::string verification_text(X509_STORE_CTX& store, const std::string& host) {
  const int result = X509_STORE_CTX_get_error(&store);
  const X509* const certificate = X509_STORE_CTX_get_current_cert(&store);
  if (certificate == nullptr) return X509_verify_cert_error_string(result);
  const std::string names = name_list(*certificate);
  switch (result) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      if (has_common_name_alone(*certificate))
        return "the certificate is for no name: its common name, " + names + ", does not count";
      return "the certificate is for " + names + ", not for " + host;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "the certificate of " + names + " was valid until " +
             date_of(*X509_get0_notAfter(certificate));
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "the certificate of " + names + " is valid from " +
             date_of(*X509_get0_notBefore(certificate));
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "the certificate of " + names + " is signed by " +
             subject_of(*X509_get_issuer_name(certificate)) +
             ", which leads to no trusted root; the peer may lack its chain";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return "the certificate of " + names +
             " is signed by itself, or by a root that is not "
             "trusted";
    default:
      return "the certificate of " + names + ": " + X509_verify_cert_error_string(result);
  }
}

std::string failure_text(const std::string& verification) {
  const unsigned long error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      !verification.empty())
    return verification;
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return reason_text(error);
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
      return "the peer speaks HTTP without TLS";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_UNKNOWN_PROTOCOL:
      return "the peer does not speak TLS";
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the peer has shown no certificate, and one is required";
    default:
      break;
  }
  // An alert that has arrived: 1000 and its number.
  if (reason > SSL_AD_REASON_OFFSET && reason <= SSL_AD_REASON_OFFSET + 255)
    return std::string{"the peer has refused: "} +
           SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
  return reason_text(error);
}

}  // namespace rondo::tls
